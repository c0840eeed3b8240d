"""Run every benchmark: ``python -m benchmarks``."""

from benchmarks import spaces, zoo

if __name__ == "__main__":
    spaces.main()
    zoo.main()
