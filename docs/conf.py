"""The site that `make docs` builds: these pages, and an API reference from the docstrings."""

import runpy

project = 'mmseg_joint'
release = runpy.run_path('../mmseg_joint/version.py')['__version__']
html_theme = 'furo'
extensions = [
    *('myst_parser', 'sphinx.ext.apidoc', 'sphinx.ext.autodoc', 'sphinx.ext.napoleon'),
]
# the source is the checkout, so that links out of docs/ lead to pages too
root_doc = 'docs/index'
include_patterns = ['docs/**', 'README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'configs/README.md']
exclude_patterns = ['docs/_build']
suppress_warnings = ['misc.highlighting_failure']  # … in examples that leave something out
myst_heading_anchors = 3
apidoc_modules = [
    {
        'path': '../mmseg_joint',
        'destination': 'docs/api',
        'separate_modules': True,
        'module_first': True,
        'automodule_options': {'members', 'show-inheritance'},
        'exclude_patterns': ['**/__main__.py'],
    }
]
autodoc_default_options = {'ignore-module-all': True}  # a class is documented in its own module
autodoc_member_order = 'bysource'
autodoc_typehints = 'description'
autodoc_typehints_description_target = 'documented'
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # or the attributes of a NamedTuple are described twice
