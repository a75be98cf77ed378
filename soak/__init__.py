"""A service under steady load in front of a collector that comes and goes: does anything leak, break or get lost?"""
