"""Why a pair has its probability: contributions of kinds of evidence, and words for them."""
