"""Run every benchmark: ``python -m benchmarks``."""

from benchmarks import zoo

if __name__ == "__main__":
    zoo.main()
