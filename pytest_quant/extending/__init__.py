"""What a user can bring: the registry of tasks, dataset types, net formats and report writers, and the hook for it.

Light: nothing here imports a task, a format or a library until it is asked for.
"""
