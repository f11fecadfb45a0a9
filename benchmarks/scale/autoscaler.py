"""What KEDA does with the chart's trigger, in simulated time: workers by the seconds of audio that wait."""

import math
from collections import deque
from dataclasses import dataclass

from benchmarks.scale.cluster import Cluster, Process


@dataclass(frozen=True)
class Autoscaler:
    """Times in seconds. A worker that is asked for works after `start`, and goes when none needed it for `cooldown`."""

    #: Seconds of audio that one worker is wanted for: of those that wait, and unless told otherwise of those that are
    #: being spoken. Who counts the first alone takes workers away that have just enough to do.
    target: float = 30.0
    counts_spoken: bool = True
    most: int = 16
    poll: float = 15.0
    start: float = 60.0
    cooldown: float = 300.0

    def run(self, cluster: Cluster) -> Process:
        needs: deque[tuple[float, int]] = deque()
        while True:
            now = cluster.env.now
            pending = cluster.waiting_seconds + (cluster.spoken_seconds if self.counts_spoken else 0.0)
            needs.append((now, min(self.most, math.ceil(pending / self.target))))
            while needs[0][0] < now - self.cooldown:
                needs.popleft()
            cluster.env.process(self._follow(cluster, max(need for _, need in needs)))
            yield cluster.env.timeout(self.poll)

    def _follow(self, cluster: Cluster, wanted: int) -> Process:
        if wanted > cluster.workers:
            yield cluster.env.timeout(self.start)
        # Others may have been asked for meanwhile, whose time is not yet.
        cluster.scale(wanted)
