"""How long a device waits for an answer: personal models on a clock, dense, masked, shrunk and in int8."""

from fedprune.latency.measure import Timing as Timing
from fedprune.latency.measure import interleaved as interleaved
from fedprune.latency.personal import latency as latency
from fedprune.latency.table import Row as Row
from fedprune.latency.table import measured as measured
from fedprune.latency.table import render as render
