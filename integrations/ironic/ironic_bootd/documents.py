"""What Ironic knows of a node, in the documents of bootd's control API (docs/control-api.md)."""
from ironic.drivers.modules import boot_mode_utils
from ironic.drivers.modules import deploy_utils

from ironic_bootd.conf import CONF

#: Marks a node's document as Ironic's: what Ironic no longer knows may then be replaced without asking anybody.
MANAGER = 'ironic'

#: Names of options in Liberty (4.2) and older, which drivers outside Ironic's tree still use. 255 is dnsmasq's number
#: for the header field siaddr.
_LIBERTY_NAMES = {'bootfile-name': '67', 'server-ip-address': '255', 'tftp-server': '66'}

#: By the words of the API, since not every release has constants for all of them.
_PURPOSES = {
    'clean': ('cleaning', 'clean wait', 'clean hold'),
    'inspect': ('inspecting', 'inspect wait'),
    'service': ('servicing', 'service wait', 'service hold'),
}


def purpose_of(node):
    """What the node's ramdisk is booted for: deploy, clean, inspect, rescue or service."""
    for purpose, provision_states in _PURPOSES.items():
        if node.provision_state in provision_states:
            return purpose
    # `rescue` in every state of a rescue and of its end.
    return deploy_utils.rescue_or_deploy_mode(node)


def node_document(task, options):
    """The body of ``PUT /v1/nodes/{uuid}``: replaces all that bootd knows of the node."""
    node = task.node
    document = {
        'name': node.name,
        'boot_mode': boot_mode_utils.get_boot_mode(node),
        'arch': node.properties.get('cpu_arch') or None,
        'managed_by': MANAGER,
        'purpose': 'instance' if _boots_instance_from_network(node) else purpose_of(node),
        'ports': [_port(port) for port in task.ports],
        'dhcp_options': [_option(option) for option in options],
    }
    bmc = bmc_of(node)
    return document if bmc is None else dict(document, bmc=bmc)


def bmc_of(node):
    """The node's BMC as driver_info has it; None where it has none, or bootd shall not know."""
    info = node.driver_info
    if not CONF.bootd.share_bmc or not info.get('ipmi_address'):
        return None
    bmc = {
        'address': str(info['ipmi_address']),
        'username': str(info.get('ipmi_username') or ''),
        'password': str(info.get('ipmi_password') or ''),
    }
    port = info.get('ipmi_port')
    return bmc if port is None else dict(bmc, port=int(port))


def _boots_instance_from_network(node):
    """The ramdisk deploy interface prepares the instance itself, while the node is still `deploying`."""
    return purpose_of(node) == 'deploy' and deploy_utils.get_boot_option(node) == 'ramdisk'


def _port(port):
    extra = dict(port.extra or {})
    document = {'address': port.address, 'pxe_enabled': bool(port.pxe_enabled), 'extra': extra}
    # Ironic has no field for it, and leaves `extra` to its users.
    fixed_address = extra.get('fixed_address')
    return dict(document, fixed_address=fixed_address) if fixed_address else document


def _option(option):
    tags, _, name = option['opt_name'].rpartition(',')
    name = _LIBERTY_NAMES.get(name, name)
    return {
        'opt_name': '%s,%s' % (tags, name) if tags else name,
        'opt_value': str(option['opt_value']),
        'ip_version': int(option.get('ip_version') or 4),
    }
