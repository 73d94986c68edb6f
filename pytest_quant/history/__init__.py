"""Every run of a project in one SQLite file: what each model scored, when, on which machine, with which verdict."""
