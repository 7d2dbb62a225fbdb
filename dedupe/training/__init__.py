"""Training of the bundled cross-encoder; needs the extra ``train``.

:mod:`.train` runs it: :mod:`.recipe` holds its settings, :mod:`.data` reads benchmark folders,
:mod:`.data_mix` puts the pairs of each stage together, :mod:`.fine_tuning` trains,
:mod:`.measure` calibrates and measures, and :mod:`.model_card` writes the result.
"""
