"""The boot interface ``bootd``: the loader's configuration is rendered by bootd, and no file of it is ever written.

Images are fetched below ``[pxe]tftp_root`` as Ironic's own ``pxe`` does it. Then bootd is told of the node, then of what
it boots, and the boot device is set last; the caller switches the machine on. So a machine never meets a configuration
that it cannot follow.
"""
from ironic.common import boot_devices
from ironic.common import dhcp_factory
from ironic.common import exception
from ironic.common import pxe_utils
from ironic.common import states
from ironic.conductor import utils as manager_utils
from ironic.drivers import base
from ironic.drivers.modules import boot_mode_utils
from ironic.drivers.modules import deploy_utils
from ironic.drivers.modules import pxe_base
from oslo_log import log as logging

from ironic_bootd import client as bootd_client
from ironic_bootd import dhcp
from ironic_bootd import documents
from ironic_bootd.conf import CONF

LOG = logging.getLogger(__name__)

#: What Ironic's own templates put in front of the arguments of each kind of ramdisk.
_AGENT_ARGUMENTS = 'selinux=0 troubleshoot=0 text'
_INSTANCE_ARGUMENTS = 'root=/dev/ram0 text'


class BootdBoot(pxe_base.PXEBaseMixin, base.BootInterface):
    """`get_properties`, the validation of rescue and inspection, and the boot retry are those of `pxe`."""

    capabilities = ['ramdisk_boot', 'pxe_boot']

    def __init__(self):
        super().__init__()
        # As Ironic's `pxe` does at start: what [pxe]loader_file_paths names is copied to where machines find it.
        pxe_utils.place_loaders_for_boot(CONF.pxe.tftp_root)

    def validate(self, task):
        """As `pxe`, and refuses what bootd has no boot configuration for."""
        super().validate(task)
        unsupported = None
        if deploy_utils.get_boot_option(task.node) == 'kickstart':
            unsupported = 'the deploy interface anaconda'
        elif task.node.instance_info.get('boot_iso'):
            unsupported = 'instance_info/boot_iso'
        elif task.node.driver_internal_info.get('boot_from_volume'):
            unsupported = 'booting from a volume'
        if unsupported:
            raise exception.InvalidParameterValue(
                'The boot interface bootd cannot do %s; use the boot interface ipxe for this node' % unsupported)

    def prepare_ramdisk(self, task, ramdisk_params):
        """Lets the node boot the ramdisk of the agent: deploy, clean, inspect, rescue, service."""
        node = task.node
        mode = deploy_utils.rescue_or_deploy_mode(node)
        images = pxe_utils.get_image_info(node, mode=mode)
        boot_mode_utils.sync_boot_mode(task)
        options = pxe_utils.build_pxe_config_options(task, images, ramdisk_params=ramdisk_params)
        self._publish(task, images, {
            'purpose': documents.purpose_of(node),
            'kernel': options['deployment_aki_path'],
            'ramdisk': options['deployment_ari_path'],
            'kernel_append_params': _arguments(_AGENT_ARGUMENTS, options['pxe_append_params']),
        })
        manager_utils.node_set_boot_device(task, boot_devices.PXE, persistent=False)

    def prepare_instance(self, task):
        """Lets the node boot its instance: a ramdisk from the network, anything else from its disk.

        Also called for an active node that this conductor takes over. A machine that boots from the network although
        it should not (boot flags are forgotten, `persistent` is not honoured) is sent to its disk by bootd.
        """
        boot_mode_utils.sync_boot_mode(task)
        boot_mode_utils.configure_secure_boot_if_needed(task)
        if deploy_utils.get_boot_option(task.node) == 'ramdisk':
            images = pxe_utils.get_instance_image_info(task)
            options = pxe_utils.build_pxe_config_options(task, images, service=True)
            self._publish(task, images, {
                'purpose': 'instance',
                'kernel': options['aki_path'],
                'ramdisk': options['ari_path'],
                'kernel_append_params': _arguments(
                    _INSTANCE_ARGUMENTS, options['pxe_append_params'], options.get('ramdisk_opts')),
            })
            device = boot_devices.PXE
        else:
            self._publish(task, {}, {'purpose': 'instance', 'policy': 'local-disk'})
            device = boot_devices.DISK
        # During a takeover the machine runs, and its boot device is as it was left.
        if task.node.provision_state != states.ACTIVE and not _keeps_boot_order_itself(task.node, device):
            manager_utils.node_set_boot_device(task, device, persistent=True)

    def clean_up_ramdisk(self, task):
        """Withdraws the ramdisk and deletes its files. Repeating is harmless."""
        # Ironic cleans up no DHCP options after these two, and the node may never be heard of again.
        self._withdraw(task, forget=documents.purpose_of(task.node) in ('clean', 'inspect'))
        super().clean_up_ramdisk(task)

    def clean_up_instance(self, task):
        """Withdraws the instance and deletes its files. Repeating is harmless."""
        # The provider `bootd` forgets the node by itself; another one does not know that bootd has it.
        self._withdraw(task, forget=not _has_provider_bootd())
        super().clean_up_instance(task)

    def _publish(self, task, images, profile):
        """Images, node, boot profile, in this order; each is there when the next one is told."""
        if images:
            pxe_utils.cache_ramdisk_kernel(task, images)
        options = [option for version in (4, 6)
                   for option in pxe_utils.dhcp_options_for_instance(task, ip_version=version)]
        dhcp_factory.DHCPFactory().update_dhcp(task, options)
        try:
            if not _has_provider_bootd():
                dhcp.publish_node(task, options)
            answer = dhcp.client().put_boot_profile(task.node.uuid, profile)
        except bootd_client.BootdError as error:
            LOG.error('Node %(node)s: %(error)s', {'node': task.node.uuid, 'error': error})
            raise exception.IronicException(str(error)) from error
        for warning in answer.get('warnings', ()):
            LOG.warning('Node %(node)s: bootd says: %(warning)s', {'node': task.node.uuid, 'warning': warning})

    def _withdraw(self, task, forget):
        """What is not there is withdrawn already; only a daemon that cannot be reached is an error."""
        bootd = dhcp.client()
        try:
            if forget:
                bootd.delete_node(task.node.uuid)
            else:
                bootd.delete_boot_profile(task.node.uuid)
        except bootd_client.BootdError as error:
            LOG.error('Node %(node)s: %(error)s', {'node': task.node.uuid, 'error': error})
            raise exception.IronicException(str(error)) from error


def _has_provider_bootd():
    return isinstance(dhcp_factory.DHCPFactory().provider, dhcp.BootdDHCPApi)


def _keeps_boot_order_itself(node, device):
    """Lenovo's UEFI gives up what the installation entered when boot device and NVRAM change together (LP 2053064)."""
    vendor = node.properties.get('vendor') or ''
    return (device == boot_devices.DISK and vendor.lower() == 'lenovo'
            and node.provision_state == states.DEPLOYING
            and boot_mode_utils.get_boot_mode(node) == 'uefi')


def _arguments(*parts):
    return ' '.join(part.strip() for part in parts if part and part.strip())
