"""A control socket that answers as it is told, and tasks as a conductor makes them."""
import http.server
import json
import os
import shutil
import socketserver
import tempfile
import threading
import types
import unittest

from ironic.common import context
from ironic import objects
from oslo_log import log

from ironic_bootd.conf import CONF

objects.register_all()
log.register_options(CONF)
CONF([], project='ironic', default_config_files=[])

UUID = '1f70d3aa-7c1a-4f45-ac1c-dd0e3342553f'
OLD_UUID = '00000000-7c1a-4f45-ac1c-dd0e3342553f'
MAC = '0c:c4:7a:0e:2b:61'


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class BootdDouble:
    """Records calls as (method, path, document); answers 200 and `{}` unless `answers` says otherwise."""

    def __init__(self):
        self.folder = tempfile.mkdtemp()
        self.path = os.path.join(self.folder, 'control.sock')
        self.calls = []
        #: (method, path) to (status, document), or to a list of them, one for each call.
        self.answers = {}
        #: How many connections are broken before one is answered.
        self.breaks = 0
        self._server = None

    def start(self):
        double = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def address_string(self):
                return 'unix'

            def log_message(self, *_):
                pass

            def _answer(self):
                length = int(self.headers.get('Content-Length') or 0)
                content = self.rfile.read(length)
                if double.breaks > 0:
                    double.breaks -= 1
                    self.close_connection = True
                    return
                double.calls.append((self.command, self.path, json.loads(content) if content else None))
                status, document = double._next_answer(self.command, self.path)
                body = b'' if status == 204 else document if isinstance(document, bytes) else json.dumps(
                    document).encode()
                self.send_response(status)
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                if body:
                    self.wfile.write(body)

            do_GET = do_PUT = do_PATCH = do_DELETE = _answer

        if os.path.exists(self.path):
            os.unlink(self.path)
        self._server = _Server(self.path, Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={'poll_interval': 0.02}, daemon=True).start()

    def stop(self):
        """As kill -9 leaves it: the socket's file stays."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder)

    def _next_answer(self, method, path):
        answer = self.answers.get((method, path))
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        return answer or ((204, None) if method == 'DELETE' else (200, {}))


def problem(status, code, detail):
    """An answer as bootd refuses."""
    return status, {'type': 'about:blank', 'title': code, 'status': status, 'code': code, 'detail': detail}


class WithBootd(unittest.TestCase):
    """A test with a bootd that answers, short times and no TFTP root of the machine."""

    def setUp(self):
        self.bootd = BootdDouble()
        self.bootd.start()
        self.addCleanup(self.bootd.remove)
        self.bootd.answers['GET', '/v1/nodes/%s/leases' % UUID] = (200, {'addresses': [], 'leases': []})
        self.configure('bootd', control_socket=self.bootd.path, connect_timeout=0.3, timeout=0.8)
        self.configure('pxe', tftp_root=self.bootd.folder, tftp_server='192.168.0.1',
                       kernel_append_params='console=ttyS0,115200', loader_file_paths={})

    def configure(self, group, **values):
        for name, value in values.items():
            CONF.set_override(name, value, group)
            self.addCleanup(CONF.clear_override, name, group)

    def task(self, provision_state='deploying', deploy_interface='direct', **fields):
        """What a conductor hands over: a node of Ironic's own objects, and its ports."""
        ctx = context.get_admin_context()
        node = objects.Node(ctx, **dict({
            'uuid': UUID, 'id': 1, 'name': 'bm1', 'driver': 'bootd-ipmi',
            'provision_state': provision_state, 'deploy_interface': deploy_interface,
            'properties': {'cpu_arch': 'x86_64', 'capabilities': 'boot_mode:uefi'},
            'driver_info': {'deploy_kernel': 'file:///k', 'deploy_ramdisk': 'file:///r',
                            'rescue_kernel': 'file:///rk', 'rescue_ramdisk': 'file:///rr',
                            'ipmi_address': '10.167.36.125', 'ipmi_username': 'ADMIN', 'ipmi_password': 'geheim'},
            'instance_info': {}, 'driver_internal_info': {}, 'extra': {}}, **fields))
        node.save = lambda *_: None
        ports = [
            objects.Port(ctx, uuid=OLD_UUID, address=MAC, pxe_enabled=True, node_id=1, internal_info={}, extra={
                'gateway_name': '17.100.36.110', 'gateway_port': '1/1/5', 'gateway_vlan': '0',
                'fixed_address': '192.168.0.20'}),
            objects.Port(ctx, uuid=UUID, address='0e:c4:7a:0e:2b:61', pxe_enabled=False, node_id=1,
                         internal_info={}, extra={}),
        ]
        driver = types.SimpleNamespace(boot=None, storage=None, management=None)
        return types.SimpleNamespace(node=node, ports=ports, portgroups=[], context=ctx, driver=driver, shared=False)
