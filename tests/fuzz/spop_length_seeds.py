#!/usr/bin/env python3
"""The seeds of spop_frame_fuzz, which is about the same bytes.

    spop_length_seeds.py CAPTURES FOLDER
"""
import pathlib, runpy

runpy.run_path(str(pathlib.Path(__file__).with_name("spop_frame_seeds.py")), run_name="__main__")
