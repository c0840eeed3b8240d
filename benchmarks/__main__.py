"""Run every benchmark: ``python -m benchmarks``."""

from benchmarks import diffusion, guided, ranking, search, spaces, zoo

if __name__ == "__main__":
    spaces.main([])
    zoo.main([])
    search.main([])
    ranking.main([])
    guided.main([])
    diffusion.main([])
