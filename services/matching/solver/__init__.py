"""The planner in processes of its own, so that its work never holds up calls and events.

Parent and child exchange frames over a socket pair: four bytes of length, then JSON.
"""
