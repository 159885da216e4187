"""The section ``[bootd]`` of ironic.conf."""
from ironic.conf import CONF
from oslo_config import cfg

GROUP = 'bootd'

OPTIONS = [
    cfg.StrOpt('control_socket',
               default='/run/bootd/control.sock',
               help='The Unix socket of the control API (control.socket in '
                    'bootd.yaml). The conductor must be allowed to connect: '
                    'its user belongs into the group bootd.'),
    cfg.FloatOpt('connect_timeout',
                 default=3, min=0.1,
                 help='Seconds in which a connection must come about. bootd '
                      'may be restarted meanwhile; nobody notices.'),
    cfg.FloatOpt('timeout',
                 default=10, min=0.1,
                 help='Seconds in which a whole call must be done. The node '
                      'is locked as long, and its heartbeats wait.'),
    cfg.BoolOpt('share_bmc',
                default=True,
                help='Whether bootd is told the ipmi_address, ipmi_username '
                     'and ipmi_password of nodes, so that `bootd power` and '
                     '`bootd console` work for them. It forgets them with '
                     'the node, at undeploy, and never shows them.'),
]


def list_opts():
    """For oslo-config-generator."""
    return [(GROUP, OPTIONS)]


CONF.register_opts(OPTIONS, group=GROUP)
