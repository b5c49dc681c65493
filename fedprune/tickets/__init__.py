"""The ticket lab: what a finished run's masks and weights say about lottery tickets, each with its control.

A study is a file in ``studies/``; see ``lab.Study`` for what it defines.
"""
