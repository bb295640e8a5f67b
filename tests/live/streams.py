"""Many live streams in one process: 32 lose no frame, and a further one takes little memory, as all share one model."""
import os
import resource
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "pipelines"))

import harness
from harness import BUILD, SOURCE, run

OTHERS = 0.3  # processors that other programs may take before a loss says nothing


def busy_seconds():
    """(processor seconds of the whole machine, those of programs run from here)"""
    jiffies = [int(n) for n in open("/proc/stat", encoding="ascii").readline().split()[1:9]]
    mine = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (sum(jiffies) - jiffies[3] - jiffies[4]) / os.sysconf("SC_CLK_TCK"), mine.ru_utime + mine.ru_stime


def streams(model, n, seconds):
    """(frames lost, kB a further stream, processors that others took meanwhile)"""
    if os.environ.get("FMN_PRELOAD"):
        raise harness.Skip("sanitizers take more of both")
    before = busy_seconds()
    start = os.times().elapsed
    r = run([BUILD / "tests" / "bench" / "streams", "-n", n, "-s", seconds, SOURCE / "models" / f"{model}.safetensors"])
    took = os.times().elapsed - start
    after = busy_seconds()
    row = r.stdout.splitlines()[-1]
    cells = [cell.strip() for cell in row.split("|")]
    others = ((after[0] - before[0]) - (after[1] - before[1])) / took
    print(f"# {row} other programs took {others:.2f} processors")
    assert len(cells) == 9 and cells[2] == str(n), r.stdout + r.stderr
    return int(cells[4]), int(cells[7]), others


def memory_of_held(model, n, seconds):
    """kB a further stream, where no frame is lost; frames that pile up take memory too."""
    for _ in range(2):
        lost, kb, others = streams(model, n, seconds)
        if lost == 0:
            return kb
        if others <= OTHERS:
            raise AssertionError(f"{lost} of {n * seconds * 30} frames are lost")
    raise harness.Skip(f"{lost} frames were lost, but other programs took {others:.2f} processors")


def no_frame_of_32_streams_is_lost():
    if len(os.sched_getaffinity(0)) < 2:
        raise harness.Skip("two processors are needed")
    if os.environ.get("FMNIST_CPU"):
        raise harness.Skip("these kernels are too slow for so many")
    assert memory_of_held("compact", 32, 4) <= 4096


def streams_share_one_copy_of_the_weights():
    """base has 12.9 MB of them, and larger values."""
    assert memory_of_held("base", 4, 2) <= 8192


harness.main(no_frame_of_32_streams_is_lost, streams_share_one_copy_of_the_weights)
