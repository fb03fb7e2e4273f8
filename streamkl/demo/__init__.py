"""The main job on one machine: a broker, this machine's metrics, the detector as its own process, and an incident that is real."""
