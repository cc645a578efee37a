"""Simulated devices that speak the real bytes over pseudo-terminals or TCP, with faults to order.

A driver's simulator.py defines a `Simulator` and exports `simulated = SimulatedDevice(...)`; tests put it on a line
with `serving`, people with `tillstream simulate`.
"""

from device_gateway.simulators.faults import (
    LINE_FAULTS,
    AnswerLostAfterEffect,
    CutAnswerAtByte,
    CutAtByte,
    Fault,
    Faults,
    Garbage,
    LateAnswer,
    NoAnswer,
    PaperOut,
    WrongFault,
    read_faults,
)
from device_gateway.simulators.serving import serving
from device_gateway.simulators.simulator import Reply, SimulatedDevice, Simulator, SimulatorOptions

__all__ = [
    "LINE_FAULTS",
    "AnswerLostAfterEffect",
    "CutAnswerAtByte",
    "CutAtByte",
    "Fault",
    "Faults",
    "Garbage",
    "LateAnswer",
    "NoAnswer",
    "PaperOut",
    "Reply",
    "SimulatedDevice",
    "Simulator",
    "SimulatorOptions",
    "WrongFault",
    "read_faults",
    "serving",
]
