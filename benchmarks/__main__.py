"""Run every benchmark: ``python -m benchmarks``."""

from benchmarks import search, spaces, zoo

if __name__ == "__main__":
    spaces.main()
    zoo.main()
    search.main([])
