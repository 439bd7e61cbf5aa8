"""Give finished runs as data: records and tables, trained networks, and files of other programs.

``read_runs("outputs")`` reads records, ``load_run(folder)`` trained networks; ``homotopy-export`` writes networks.
"""
