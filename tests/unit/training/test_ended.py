"""What a trainer of one's own made is served from where the run's folder lies."""

from pathlib import Path

from agentlab.training.loop import ended
from agentlab.training.trainer import Trained


def test_a_run_that_was_moved_serves_its_own_files(tmp_path: Path) -> None:
    job = tmp_path / "run" / "weights" / "1-abc"
    job.mkdir(parents=True)
    elsewhere = str(tmp_path / "other" / "base.gguf")
    made = Trained({"options": {"adapter": str(job / "mine.gguf"), "base": elsewhere}}, "digest", {"loss": 0.5})
    (job / ended.FILE).write_bytes(ended.encoded(made, job))
    assert ended.read(job) == made
    (tmp_path / "run").rename(tmp_path / "moved")
    moved = tmp_path / "moved" / "weights" / "1-abc"
    read = ended.read(moved)
    assert read is not None
    assert read.serve == {"options": {"adapter": str(moved / "mine.gguf"), "base": elsewhere}}
    assert (read.digest, read.metrics) == (made.digest, made.metrics)
