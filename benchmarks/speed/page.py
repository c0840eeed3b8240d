"""stub for now"""


def write_page() -> None: ...
