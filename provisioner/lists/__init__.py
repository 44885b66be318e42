"""Addresses of groups: a list for each agency with everything below it, for each bloc, and for their leaders.

Nobody is ever put on a list or taken off: a list is a question, and the directory answers it whenever somebody writes.
"""
