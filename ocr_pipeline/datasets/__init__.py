"""Labelled folders before training: made, looked at, and put right (docs/data.md).

    importers, convert    other formats                -> a folder in the label format
    check                 labelled folders             -> what training would leave out, and why
    duplicates, split     a labelled folder            -> training and validation, apart
    stats, preview        labelled folders             -> figures, and sheets to look at

`ocr-data` is their command line.
"""
