"""The DHCP provider ``bootd``: ``[dhcp]dhcp_provider = bootd``."""
from ironic.common import context as ironic_context
from ironic.common import exception
from ironic.dhcp import base
from ironic import objects
from oslo_log import log as logging

from ironic_bootd import client as bootd_client
from ironic_bootd import documents
from ironic_bootd.conf import CONF

LOG = logging.getLogger(__name__)

_CLIENT_ID = '61'


def client():
    """A client for the socket that is configured now."""
    return bootd_client.BootdClient(CONF.bootd.control_socket, CONF.bootd.connect_timeout, CONF.bootd.timeout)


def publish_node(task, options):
    """Makes the node, with these DHCP options and no others, known to bootd. Raises BootdError."""
    bootd = client()
    document = documents.node_document(task, options)
    try:
        bootd.put_node(task.node.uuid, document)
    except bootd_client.BootdRefusal as refusal:
        if refusal.code != 'mac-taken' or not _forget_strangers(bootd, task):
            raise
        bootd.put_node(task.node.uuid, document)


def _forget_strangers(bootd, task):
    """A machine that was enrolled anew still has its old node in bootd, since Ironic tells nobody of a node's end."""
    macs = {port.address.lower() for port in task.ports}
    forgotten = False
    for known in bootd.get_nodes():
        if known['uuid'] == task.node.uuid or known.get('managed_by') != documents.MANAGER:
            continue
        if not macs.intersection(port['address'] for port in known['ports']) or _is_enrolled(task, known['uuid']):
            continue
        LOG.warning('Ironic no longer knows the node %(old)s, which has a port of node %(node)s in bootd: it is '
                    'deleted there', {'old': known['uuid'], 'node': task.node.uuid})
        bootd.delete_node(known['uuid'])
        forgotten = True
    return forgotten


def _is_enrolled(task, uuid):
    try:
        objects.Node.get_by_uuid(task.context, uuid)
        return True
    except exception.NodeNotFound:
        return False


class BootdDHCPApi(base.BaseDHCP):
    """Tells bootd which DHCP options a node's machine is to get. Has no state; one instance serves all threads."""

    def update_dhcp_opts(self, task, options, vifs=None):
        """Replaces all options of the node. When this returns, they are in effect and on bootd's disk."""
        try:
            publish_node(task, options)
        except bootd_client.BootdError as error:
            LOG.error('Node %(node)s: %(error)s', {'node': task.node.uuid, 'error': error})
            raise exception.FailedToUpdateDHCPOptOnPort(str(error)) from error

    def clean_dhcp_opts(self, task):
        """Makes bootd forget the node. Called at undeploy and after a failed deploy, also when there is nothing."""
        try:
            client().delete_node(task.node.uuid)
        except bootd_client.BootdError as error:
            LOG.error('Node %(node)s: %(error)s', {'node': task.node.uuid, 'error': error})
            raise exception.FailedToCleanDHCPOpts(str(error)) from error

    def get_ip_addresses(self, task):
        """The addresses of the node's ports.

        Ironic makes links for GRUB out of them, beside those that it makes of the MACs: not worth a failed deploy, or
        an undeploy that ends in `error`, when bootd is away for a moment.
        """
        try:
            return client().get_addresses(task.node.uuid)
        except bootd_client.BootdError as error:
            LOG.warning('The addresses of node %(node)s are not known: %(error)s',
                        {'node': task.node.uuid, 'error': error})
            return []

    def supports_ipxe_tag(self):
        """bootd evaluates `tag:ipxe` and `tag:!ipxe` for each request (option 175, or the user class iPXE)."""
        return True

    def update_port_dhcp_opts(self, port_id, dhcp_options, context=None, **_of_older_releases):
        """Takes over a port's client identifier, the only thing that Ironic passes here (2023.1 with `token` too).

        `port_id` is the network's name of the port, so the port is looked for among Ironic's. A node that bootd does
        not know gets it with its next deploy.
        """
        wanted = {option['opt_name']: option['opt_value'] for option in dhcp_options}
        for name in sorted(set(wanted) - {_CLIENT_ID}):
            LOG.warning('Option %(name)s of port %(port)s is not taken over: bootd has options for nodes only',
                        {'name': name, 'port': port_id})
        if _CLIENT_ID not in wanted:
            return
        context = context or ironic_context.get_admin_context()
        port = _find_port(context, port_id)
        if port is None:
            LOG.warning('Port %s is none of Ironic\'s; its client identifier is not taken over', port_id)
            return
        try:
            _put_client_id(objects.Node.get_by_id(context, port.node_id).uuid, port.address, wanted[_CLIENT_ID])
        except bootd_client.BootdError as error:
            raise exception.FailedToUpdateDHCPOptOnPort(str(error)) from error


def _put_client_id(node_uuid, address, client_id):
    bootd = client()
    node = bootd.get_node(node_uuid)
    if node is None:
        return
    ports = [
        dict(port, extra=dict(port['extra'], **{'client-id': client_id})) if port['address'] == address.lower() else port
        for port in node['ports']]
    bootd.patch_node(node_uuid, {'ports': ports})


def _find_port(context, port_id):
    """By Ironic's UUID, or by the UUID of the network port that is attached to it."""
    try:
        return objects.Port.get_by_uuid(context, port_id)
    except exception.PortNotFound:
        pass
    for port in objects.Port.list(context):
        if port_id in (port.internal_info or {}).values():
            return port
    return None
