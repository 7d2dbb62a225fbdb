"""Review outside of the app: doubtful pairs as a workbook to fill in, or as one HTML page."""
