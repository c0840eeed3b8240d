"""Run every benchmark: ``python -m benchmarks``."""

from benchmarks import search, zoo

if __name__ == "__main__":
    zoo.main()
    search.main([])
