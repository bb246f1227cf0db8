"""Tries verify_proof of docs/proofs.md with the cases from standard input, [[proof, reference], …]. Prints a line for each."""

import json
import sys

import jwt
from snippet import verify_proof

for proof, reference in json.load(sys.stdin):
    try:
        print(verify_proof(proof, reference))
    except jwt.PyJWTError as error:
        print(f"refused: {error}")
