"""How a study is opened, made or joined, and what is said where it cannot be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import optuna
from optuna.storages import RDBStorage

from search_spaces import DamagedFile, WeightloomError
from sweeps.objectives import DIRECTIONS, NAMES
from sweeps.place import Place
from sweeps.storage import StorageFailed, StudyStore, cause_of


@contextmanager
def opened(place: Place, name: str, seed: int, *, join: bool = False) -> Iterator[StudyStore]:
    """The study in ``place``, made if it is not there (unless one joins it), and closed in the end."""
    if place.file is not None:
        if not place.file.parent.is_dir():
            raise WeightloomError(f"{place.file}: expected to be in a folder that exists, got {place.file.parent}")
        if join and not place.file.exists():
            raise WeightloomError(f"{place.file}: expected the study of run {name!r}, got none; check the name")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage, study = _study(place, name, join=join)
    try:
        store = StudyStore(place=place, storage=storage, study=study, seed=seed)
        if not join:
            store.note("objectives", list(NAMES))
        yield store
    finally:
        place.close(storage)


def make_way(place: Place, name: str, *, overwrite: bool) -> None:
    """See that a server has no study of this name before a new one is begun.

    Args:
        place: a server.
        name: of the run.
        overwrite: remove the study if there is one.

    Raises:
        WeightloomError: there is one, or the server does not answer.
    """
    try:
        storage = place.storage()
        try:
            if name not in optuna.get_all_study_names(storage):
                return
            if overwrite:
                optuna.delete_study(study_name=name, storage=storage)
                return
        finally:
            place.close(storage)
    except Exception as error:
        raise WeightloomError(
            f"{place.shown}: expected a server that answers, got {cause_of(error)}; check the address and the server"
        ) from error
    raise WeightloomError(
        f"{place.shown}: expected no study named {name!r}, got one; continue it with --resume, replace it with "
        "--overwrite, or choose another --name"
    )


def _study(place: Place, name: str, *, join: bool) -> tuple[RDBStorage, optuna.Study]:
    try:
        storage = place.storage()
        if join:
            return storage, optuna.load_study(storage=storage, study_name=name)
        return storage, optuna.create_study(
            storage=storage, study_name=name, directions=DIRECTIONS, load_if_exists=True
        )
    except KeyError as error:
        raise WeightloomError(f"{place.shown}: expected a study named {name!r}, got none; check the name") from error
    except Exception as error:
        reason = cause_of(error)
        what = place.file or place.shown
        if "disk is full" in reason:
            raise StorageFailed(f"{what}: expected a disk with free space, got a full one; free it") from error
        if place.file and not os.access(place.file.parent, os.W_OK):
            raise StorageFailed(f"{what}: expected a writable folder, got a read-only one; make it writable") from error
        remedy = "restore the file or choose another --name" if place.file else "check the address and the server"
        kind = DamagedFile if place.file else WeightloomError
        raise kind(f"{what}: expected the study of run {name!r}, got {reason}; {remedy}") from error
