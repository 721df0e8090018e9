"""The desk in a terminal. It renders events of the flow and posts what the person did; it decides nothing."""
