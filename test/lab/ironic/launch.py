"""Starts a real Ironic, API and conductor in one process, with this project's Python package beside it.

Usage: launch.py PACKAGE SITE CALLS COMMAND ARGUMENT...

PACKAGE is the folder of pyproject.toml; in SITE its entry points are made visible, as installing it would; each call of
a DHCP provider becomes a line of JSON in CALLS. COMMAND is `serve` or `create-schema`, the rest goes to Ironic.
"""
import functools
import json
import os
import sys
import tomllib

package, site, calls, command = sys.argv[1:5]


def install():
    with open(os.path.join(package, 'pyproject.toml'), 'rb') as file:
        project = tomllib.load(file)['project']
    folder = os.path.join(site, 'ironic_bootd-%s.dist-info' % project['version'])
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, 'METADATA'), 'w') as file:
        file.write('Metadata-Version: 2.1\nName: %(name)s\nVersion: %(version)s\n' % project)
    with open(os.path.join(folder, 'entry_points.txt'), 'w') as file:
        for group, names in project['entry-points'].items():
            file.write('[%s]\n%s\n' % (group, ''.join('%s = %s\n' % pair for pair in names.items())))
    sys.path[:0] = [package, site]


def recorded(method):
    @functools.wraps(method)
    def wrapper(*args, **kwargs):
        line = {'method': method.__name__}
        if method.__name__ == 'update_dhcp_opts':
            line['options'] = args[1]
        if args:
            line['node'] = args[0].node.uuid
        with open(calls, 'a') as file:
            file.write(json.dumps(line) + '\n')
        return method(*args, **kwargs)
    return wrapper


def record_providers():
    from ironic.common.dhcp_factory import DHCPFactory
    load = DHCPFactory.__init__

    def load_recorded(self, **kwargs):
        load(self, **kwargs)
        provider = DHCPFactory._dhcp_provider
        for name in ('update_dhcp_opts', 'clean_dhcp_opts', 'get_ip_addresses', 'supports_ipxe_tag'):
            if name not in vars(provider):
                setattr(provider, name, recorded(getattr(provider, name)))

    DHCPFactory.__init__ = load_recorded


install()
sys.argv[1:5] = []
if command == 'serve':
    from ironic.cmd.singleprocess import main
    record_providers()
else:
    from ironic.cmd.dbsync import main
    sys.argv.append('create_schema')
sys.exit(main())
