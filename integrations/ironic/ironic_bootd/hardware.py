"""The hardware type ``bootd-ipmi``: Ironic's ``ipmi`` that may boot through bootd."""
from ironic.drivers import ipmi

from ironic_bootd.boot import BootdBoot


class BootdIPMIHardware(ipmi.IPMIHardware):
    """Ironic lets a node use a boot interface only if its hardware type lists that very class."""

    @property
    def supported_boot_interfaces(self):
        """The boot interfaces of `ipmi`, and `bootd` before them: nodes get it unless they ask for another."""
        return [BootdBoot] + super().supported_boot_interfaces
