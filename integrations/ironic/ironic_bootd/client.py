"""The control API of bootd over its Unix socket, with nothing but the standard library.

Every error text is written for the operator who finds it in a node's ``last_error``: it names bootd, the socket, and
what to do.
"""
import errno
import http.client
import json
import socket
import time

_RETRY_PAUSE_SECONDS = 0.2


class BootdError(Exception):
    """Something that bootd, or the way to it, has against a call; the text is for the operator."""


class BootdUnreachable(BootdError):
    """No answer came: nothing is known to have changed, and calling again is harmless."""


class BootdRefusal(BootdError):
    """bootd answered with a problem document (RFC 9457); nothing has changed."""

    def __init__(self, text, status, code):
        super().__init__(text)
        self.status = status
        #: The stable code of docs/control-api.md, such as ``mac-taken``; None where the answer had none.
        self.code = code


class BootdClient:
    """One call after another, each on a connection of its own: there is no state, so threads may share a client."""

    def __init__(self, control_socket, connect_timeout, timeout):
        self._socket_path = control_socket
        self._connect_timeout = connect_timeout
        self._timeout = timeout

    def get_nodes(self):
        """All nodes that bootd knows."""
        return self._call('GET', '/v1/nodes')['nodes']

    def get_node(self, uuid):
        """The node, or None when bootd does not know it."""
        return self._call_if_there('GET', '/v1/nodes/%s' % uuid)

    def put_node(self, uuid, document):
        """Replaces all of a node. When this returns, the next packet of the machine is answered by it."""
        return self._call('PUT', '/v1/nodes/%s' % uuid, document)

    def patch_node(self, uuid, document):
        """Changes what the document names; the rest of the node stays, its BMC too. The node must be there."""
        return self._call('PATCH', '/v1/nodes/%s' % uuid, document)

    def delete_node(self, uuid):
        """Forgets a node and what it boots; succeeds when there is none."""
        self._call('DELETE', '/v1/nodes/%s' % uuid)

    def put_boot_profile(self, uuid, document):
        """Replaces what a node boots. The node must be there."""
        return self._call('PUT', '/v1/nodes/%s/boot-profile' % uuid, document)

    def delete_boot_profile(self, uuid):
        """Files on disk serve the node from now on; succeeds when it has no profile, and when there is no node."""
        self._call_if_there('DELETE', '/v1/nodes/%s/boot-profile' % uuid)

    def get_addresses(self, uuid):
        """The addresses that the node's ports have or will get; none when bootd does not know the node."""
        answer = self._call_if_there('GET', '/v1/nodes/%s/leases' % uuid)
        return [] if answer is None else answer['addresses']

    def _call_if_there(self, method, path):
        try:
            return self._call(method, path)
        except BootdRefusal as refusal:
            if refusal.status == 404 and refusal.code == 'node-not-found':
                return None
            raise

    def _call(self, method, path, document=None):
        """One request; every method here is idempotent, so a connection that breaks is tried again in the time left."""
        begun = time.monotonic()
        deadline = begun + self._timeout
        while True:
            connection = self._connect(min(begun + self._connect_timeout, deadline))
            try:
                return self._exchange(connection, deadline, method, path, document)
            except (ConnectionError, http.client.BadStatusLine) as broken:
                if time.monotonic() + _RETRY_PAUSE_SECONDS >= deadline:
                    raise self._unreachable(
                        'it broke the connection (%s) and did not come back' % broken) from broken
                time.sleep(_RETRY_PAUSE_SECONDS)
            except socket.timeout as late:
                raise self._unreachable(
                    'it took the call and gave no answer within %g s; its disk may hang' % self._timeout) from late
            except OSError as error:
                raise self._unreachable(_words(error)) from error
            finally:
                connection.close()

    def _connect(self, deadline):
        """Waits for a daemon that is being restarted, and not for a socket that may not be used."""
        while True:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.settimeout(_time_left(deadline))
                connection.connect(self._socket_path)
                return connection
            except OSError as error:
                connection.close()
                # ENOENT: not started, or between two runs; EAGAIN: more callers wait than the socket takes.
                passing = error.errno in (errno.ENOENT, errno.ECONNREFUSED, errno.EAGAIN)
                if not passing or time.monotonic() + _RETRY_PAUSE_SECONDS >= deadline:
                    raise self._unreachable(_words(error)) from error
            time.sleep(_RETRY_PAUSE_SECONDS)

    def _exchange(self, connection, deadline, method, path, document):
        body = None if document is None else json.dumps(document).encode()
        headers = {'Accept': 'application/json'}
        if body is not None:
            headers['Content-Type'] = 'application/json'
        # The host is only for the Host header; the connection is made already.
        call = http.client.HTTPConnection('bootd')
        call.sock = connection
        connection.settimeout(_time_left(deadline))
        call.request(method, path, body=body, headers=headers)
        connection.settimeout(_time_left(deadline))
        answer = call.getresponse()
        content = answer.read()
        if answer.status < 300:
            return self._decode(content) if content else None
        raise self._refusal(method, path, answer.status, content)

    def _decode(self, content):
        try:
            return json.loads(content)
        except ValueError as error:
            raise BootdError(
                'What answers on %s is not bootd: its answer is no JSON. Check [bootd]control_socket in ironic.conf.'
                % self._socket_path) from error

    def _refusal(self, method, path, status, content):
        try:
            problem = json.loads(content)
            code, detail = problem['code'], problem['detail']
        except (ValueError, KeyError, TypeError):
            code, detail = None, content.decode('latin-1')[:200]
        advice = _ADVICE.get(code, 'See the journal of bootd (journalctl -u bootd)')
        return BootdRefusal(
            'bootd (control socket %s) refused %s %s: %s [%s]. %s.'
            % (self._socket_path, method, path, detail.rstrip('.'), code or 'HTTP %d' % status, advice),
            status, code)

    def _unreachable(self, reason):
        return BootdUnreachable(
            'bootd cannot be reached on its control socket %s: %s. Nothing boots from the network without it. Check '
            '`systemctl status bootd` and `journalctl -u bootd` on the conductor\'s host, start it with `systemctl '
            'start bootd`, and try again.' % (self._socket_path, reason))


#: What to do about the refusals that an operator of Ironic can meet.
_ADVICE = {
    'mac-taken': 'If that node is gone, `bootd node rm` it, and try again',
    'address-taken': 'Give one of the two ports another extra/fixed_address',
    'template-failed': 'Mend the template, or the kernel arguments, and try again',
    'invalid-document': 'Ironic\'s package ironic-bootd and bootd are of different versions: upgrade the older one',
    'not-kept': 'bootd cannot write its state directory: see to its disk, and try again',
}


def _words(error):
    if error.errno == errno.ENOENT:
        return ('there is no such socket; bootd is not running, or control.socket in bootd.yaml and [bootd]'
                'control_socket in ironic.conf differ')
    if error.errno == errno.ECONNREFUSED:
        return 'nobody listens on it; bootd was ended and not started again'
    if error.errno == errno.EACCES:
        return ('permission denied; put the user of ironic-conductor into the group bootd (`usermod --append '
                '--groups bootd ironic`) and restart ironic-conductor')
    if isinstance(error, socket.timeout) or error.errno == errno.EAGAIN:
        return 'it accepts no connection; bootd hangs'
    return error.strerror or str(error)


def _time_left(deadline):
    """Never zero, which would mean not to wait at all."""
    return max(deadline - time.monotonic(), 0.001)
