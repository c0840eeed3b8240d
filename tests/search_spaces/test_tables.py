"""Shipped tables hold what their sources state; a wrong reading of them cannot pass."""

import gzip
import itertools
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau

from search_spaces.errors import DamagedFile, UnknownName, WeightloomError
from search_spaces.tables import TABLES, load_table, read_nasbench201
from search_spaces.tables import table as table_module
from search_spaces.tables.nasbench201 import arch_string

EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))


def tau(a: np.ndarray, b: np.ndarray) -> float:
    known = ~(np.isnan(a) | np.isnan(b))
    return float(kendalltau(a[known], b[known]).statistic)


def alive(digits: str, edges: tuple[tuple[int, int], ...] = EDGES) -> bool:
    """Whether any wire leads from node 0 to node 3, by plain reachability."""
    reached = {0}
    for _ in range(3):
        for (source, target), digit in zip(edges, digits, strict=True):
            if source in reached and digit != "0":
                reached.add(target)
    return 3 in reached


@pytest.mark.parametrize("name", TABLES)
def test_every_table_has_its_stated_rows(name: str) -> None:
    table = load_table(name)
    assert len(table) == TABLES[name].rows
    assert set(table.words) == set(TABLES[name].words)
    assert all(len(values) == len(table) for values in (*table.words.values(), *table.numbers.values()))
    assert all(np.isfinite(values).any() for values in table.numbers.values())


def test_nasbench201_is_the_whole_space_with_both_spellings() -> None:
    table = load_table("nasbench201")
    assert set(table.words["ops"]) == {"".join(word) for word in itertools.product("01234", repeat=6)}
    assert table.words["arch_str"] == tuple(arch_string(digits) for digits in table.words["ops"])


def test_nasbench201_dead_cells_score_ten() -> None:
    table = load_table("nasbench201")
    score = table.column("e200_c10_test_mean")
    living = np.array([alive(digits) for digits in table.words["ops"]])
    assert (~living).sum() == 341
    assert (score[~living] == 10.0).all()
    assert score[living].min() == pytest.approx(46.2467, abs=1e-4)


def test_nasbench201_known_figures() -> None:
    table = load_table("nasbench201")
    score = table.column("e200_c10_test_mean")
    assert score.max() == pytest.approx(94.3733, abs=1e-4)
    assert table.column("index")[score.argmax()] == 6111
    assert score.mean() == pytest.approx(87.0563, abs=1e-4)
    for data, best in (("c10", 89.16), ("c100", 61.18), ("in16", 38.27)):
        assert table.column(f"e12_{data}_test").max() == pytest.approx(best, abs=0.006)


def test_nasbench201_rank_correlations() -> None:
    table = load_table("nasbench201")
    score = table.column("e200_c10_test_mean")
    assert tau(table.column("params_c10"), score) == pytest.approx(0.577, abs=6e-4)
    assert tau(table.column("mflops_c10"), score) == pytest.approx(0.577, abs=6e-4)
    assert tau(table.column("e12_c10_valid"), score) == pytest.approx(0.595, abs=1e-3)  # 0.5944 as measured
    assert tau(table.column("e200_c10_test_s1"), table.column("e200_c10_test_s2")) == pytest.approx(0.905, abs=6e-4)


def test_edge_order_is_the_one_that_explains_the_scores() -> None:
    """Size explains the score of living convolutions best under the stated order: any other order is worse."""
    table = load_table("nasbench201")
    score = table.column("e200_c10_test_mean")
    weight = {"2": 1.0, "3": 9.0}  # parameters of a convolution over those of a 1x1

    def size_in_use(edges: tuple[tuple[int, int], ...]) -> np.ndarray:
        sizes = []
        for digits in table.words["ops"]:
            wired = [edge for edge, digit in zip(edges, digits, strict=True) if digit != "0"]
            ahead, behind = {0}, {3}
            for _ in range(3):
                ahead |= {b for a, b in wired if a in ahead}
                behind |= {a for a, b in wired if b in behind}
            sizes.append(
                sum(
                    weight.get(digit, 0.0)
                    for (a, b), digit in zip(edges, digits, strict=True)
                    if a in ahead and b in behind
                )
                if 3 in ahead
                else -1.0
            )
        return np.array(sizes)

    right = tau(size_in_use(EDGES), score)
    swapped = (*EDGES[:1], EDGES[2], EDGES[1], *EDGES[3:])  # 1→2 before 0→2
    mirrored = (EDGES[5], EDGES[4], EDGES[3], EDGES[2], EDGES[1], EDGES[0])
    other = (EDGES[3], *EDGES[1:3], EDGES[0], *EDGES[4:])
    assert right > tau(table.column("params_c10"), score)
    for wrong in (swapped, mirrored, other):
        assert tau(size_in_use(wrong), score) < right - 0.01


def test_nasbench_macro_known_figures() -> None:
    table = load_table("nasbench-macro")
    score = table.column("mean_acc")
    assert set(table.words["arch"]) == {"".join(word) for word in itertools.product("012", repeat=8)}
    assert score.max() == pytest.approx(93.1267, abs=1e-4)
    assert table.words["arch"][int(score.argmax())] == "22212202"
    assert score.mean() == pytest.approx(90.2466, abs=1e-4)
    assert score.min() == pytest.approx(45.3633, abs=1e-4)
    assert tau(table.column("params"), score) == pytest.approx(0.218, abs=6e-4)
    assert tau(table.column("flops"), score) == pytest.approx(0.556, abs=6e-4)
    assert tau(table.column("test_acc_1"), table.column("test_acc_2")) == pytest.approx(0.882, abs=6e-4)


def test_nasbench_graph_known_figures() -> None:
    table = load_table("nasbench-graph")
    for data, best in (("cora", 0.8313), ("citeseer", 0.7157), ("pubmed", 0.7860)):
        assert table.column(f"{data}_test").max() == pytest.approx(best, abs=6e-5)
    assert tau(table.column("cora_valid"), table.column("cora_test")) == pytest.approx(0.555, abs=6e-4)


def test_deepnets_known_figures() -> None:
    table = load_table("deepnets1m")
    test = np.array(table.words["split"]) == "test"
    real = table.column("sgd_test_acc")[test]
    expected = {"ghn2": (66.88, 0.264), "ghn1": (51.35, 0.281), "mlp": (42.23, 0.100)}
    assert np.nanmean(real) == pytest.approx(88.53, abs=0.006)
    for name, (mean, rank) in expected.items():
        predicted = table.column(f"{name}_test_acc")[test]
        assert np.nanmean(predicted) == pytest.approx(mean, abs=0.006)
        assert tau(predicted, real) == pytest.approx(rank, abs=6e-4)
    assert tau(table.column("params")[test], real) == pytest.approx(-0.021, abs=6e-4)
    longer = load_table("deepnets1m-epochs")
    test = np.array(longer.words["split"]) == "test"
    final = longer.column("sgd_test_acc_ep50")[test]
    assert tau(longer.column("sgd_test_acc_ep1")[test], final) == pytest.approx(0.425, abs=6e-4)


def test_ghn3_known_figure() -> None:
    assert np.nanmean(load_table("ghn3-imagenet").column("ghn3")) == pytest.approx(1.66, abs=0.006)


def test_sentinels_are_missing() -> None:
    hardware = load_table("nasbench201-hardware")
    missing = [int(np.isnan(values).sum()) for values in hardware.numbers.values()]
    assert sum(missing) > 0
    assert all(np.nanmin(values) >= 0 for values in hardware.numbers.values())


def test_a_damaged_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for info in TABLES.values():
        shutil.copy(Path(table_module.__file__).parent / info.file, tmp_path)
    victim = tmp_path / TABLES["nasbench-macro"].file
    raw = bytearray(victim.read_bytes())
    raw[len(raw) // 2] ^= 1
    victim.write_bytes(raw)
    monkeypatch.setattr(table_module.resources, "files", lambda _: tmp_path)
    with pytest.raises(DamagedFile, match=r"nas_bench_macro_cifar10\.csv\.gz is damaged: expected md5 37960aed"):
        load_table.__wrapped__("nasbench-macro")
    victim.unlink()
    with pytest.raises(DamagedFile, match="No such file"):
        load_table.__wrapped__("nasbench-macro")


def test_unknown_names_list_the_nearest() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'nasbench201'"):
        load_table("nasbench202")
    with pytest.raises(UnknownName, match="Did you mean 'e12_c10_valid'"):
        load_table("nasbench201").column("e12_c10_vald")


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(f"arch_str,acc\n{arch_string('012340')},91.5\n{arch_string('000000')},-1\n")
    table = read_nasbench201(path)
    assert table.words["ops"] == ("012340", "000000")
    assert table.column("acc")[0] == 91.5
    assert np.isnan(table.column("acc")[1])
    packed = tmp_path / "mine.csv.gz"
    packed.write_bytes(gzip.compress(b"ops,acc\n012340,91.5\n"))
    assert read_nasbench201(packed).words["arch_str"] == (arch_string("012340"),)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.pth", "x", "run code when opened"),
        ("a.csv", "acc\n1\n", "expected a column arch_str or ops"),
        ("a.csv", "ops,acc\n01234,1\n", "line 2: expected six digits"),
        ("a.csv", "ops,acc\n012345,1\n", "line 2: expected six digits"),
        ("a.csv", "ops,acc\n012340,1\n012340,2\n", "lines 2 and 3 are the same cell"),
        ("a.csv", "ops,acc\n012340,high\n", "line 2, column 'acc': expected a number, got 'high'"),
        ("a.csv", "ops,acc\n012340\n", "line 2 has 1 values, the header 2"),
        ("a.csv", "ops,acc\n", "at least one row"),
        ("a.csv", "arch_str,acc\n|none~0|,1\n", "line 2: arch string: expected"),
        ("a.csv", "arch_str,acc\n" + arch_string("000000").replace("none", "nope", 1) + ",1\n", "got 'nope"),
        ("a.csv", f"arch_str,ops,acc\n{arch_string('000000')},000001,1\n", "arch_str says 000000 and ops 000001"),
        ("a.csv.gz", "not gzip", "got damage"),
    ],
)
def test_bad_tables_say_what_is_wrong(tmp_path: Path, name: str, text: str, expected: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(WeightloomError) as caught:
        read_nasbench201(path)
    assert expected in str(caught.value)
    with pytest.raises(WeightloomError, match=r"none\.csv"):
        read_nasbench201(tmp_path / "none.csv")
