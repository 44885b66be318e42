"""Private servers on loopback, for the demo and the tests: never a province's real ones.

Each keeps everything in one folder (configuration, data, log, process id), listens on 127.0.0.1 only,
and is found again by a later command from that folder alone.
"""
