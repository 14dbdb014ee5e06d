"""What is generated for the docs, from the code that it describes: ``make gen``, ``make gen-check``.

One module per subject; :mod:`tests.gen.pages` lists them. Each generated file says so at its top.
"""
