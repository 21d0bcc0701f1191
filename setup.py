from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent


def read_version() -> str:
    scope: dict = {}
    exec((ROOT / 'mmseg_joint' / 'version.py').read_text(), scope)
    return scope['__version__']


# Both lines import as mmengine, mmcv and mmseg, so the base names neither: an extra picks one.
EXTRAS = {
    'onedl': ['onedl-mmengine', 'onedl-mmcv', 'onedl-mmsegmentation'],
    'upstream': ['mmengine>=0.10.7', 'mmcv>=2.0.0', 'mmsegmentation>=1.2.2', 'ftfy', 'regex'],
    'export': ['safetensors'],  # tools/export_checkpoint.py --safetensors
    'tests': ['pytest>=7', 'pytest-xdist', 'ruff', 'safetensors'],
}

setup(
    name='mmseg_joint',
    version=read_version(),
    description='Joint training of mmsegmentation models on synthetic and real pictures',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    packages=find_packages(include=['mmseg_joint', 'mmseg_joint.*']),
    package_data={'mmseg_joint.datasets.label_lists': ['*/*.txt', '*/SHA256SUMS']},
    python_requires='>=3.10',
    install_requires=['torch>=2.4', 'numpy', 'opencv-python', 'Pillow', 'matplotlib', 'tqdm'],
    extras_require=EXTRAS,
)
