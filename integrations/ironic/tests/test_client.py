import socket
import threading
import time
import unittest

from ironic_bootd import client
from tests.bootd_double import BootdDouble, problem, UUID


class ClientTest(unittest.TestCase):

    def setUp(self):
        self.bootd = BootdDouble()
        self.addCleanup(self.bootd.remove)
        self.client = client.BootdClient(self.bootd.path, connect_timeout=0.5, timeout=1)

    def unreachable_text(self):
        with self.assertRaises(client.BootdUnreachable) as caught:
            self.client.delete_node(UUID)
        text = str(caught.exception)
        # What every one of them has to say: who, where, and what to do.
        self.assertIn('bootd cannot be reached', text)
        self.assertIn(self.bootd.path, text)
        self.assertIn('systemctl start bootd', text)
        return text

    def test_a_document_goes_there_and_comes_back(self):
        self.bootd.start()
        self.bootd.answers['PUT', '/v1/nodes/' + UUID] = (200, {'generation': 7})
        self.assertEqual({'generation': 7}, self.client.put_node(UUID, {'name': 'bm1'}))
        self.assertEqual([('PUT', '/v1/nodes/' + UUID, {'name': 'bm1'})], self.bootd.calls)

    def test_what_is_not_there_is_nothing_to_take_away(self):
        self.bootd.start()
        gone = problem(404, 'node-not-found', 'There is no node')
        for path in ('', '/boot-profile', '/leases'):
            for method in ('GET', 'DELETE'):
                self.bootd.answers[method, '/v1/nodes/' + UUID + path] = gone
        self.assertIsNone(self.client.get_node(UUID))
        self.assertEqual([], self.client.get_addresses(UUID))
        self.client.delete_boot_profile(UUID)

    def test_a_socket_that_was_never_made(self):
        self.assertIn('there is no such socket', self.unreachable_text())

    def test_a_socket_that_a_killed_daemon_left(self):
        self.bootd.start()
        self.bootd.stop()
        self.assertIn('nobody listens on it', self.unreachable_text())

    def test_a_socket_that_may_not_be_used_names_the_group(self):
        self.assertIn('usermod --append --groups bootd ironic', client._words(PermissionError(13, 'denied')))

    def test_a_daemon_that_is_being_restarted_is_waited_for(self):
        starting = threading.Timer(0.25, self.bootd.start)
        starting.start()
        self.addCleanup(starting.join)
        self.client.delete_node(UUID)
        self.assertEqual([('DELETE', '/v1/nodes/' + UUID, None)], self.bootd.calls)

    def test_a_daemon_that_is_killed_in_the_middle_is_asked_again(self):
        self.bootd.start()
        self.bootd.breaks = 2
        self.client.delete_node(UUID)
        self.assertEqual(1, len(self.bootd.calls))

    def test_a_daemon_that_breaks_every_connection_is_given_up(self):
        self.bootd.start()
        self.bootd.breaks = 1000
        self.assertIn('it broke the connection', self.unreachable_text())

    def test_a_daemon_that_hangs_is_given_up_in_time(self):
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(self.bootd.path)
        listener.listen(8)
        begun = time.monotonic()
        self.assertIn('gave no answer within 1 s', self.unreachable_text())
        self.assertLess(time.monotonic() - begun, 5)

    def test_a_refusal_says_what_bootd_says_and_what_to_do(self):
        self.bootd.start()
        self.bootd.answers['PUT', '/v1/nodes/' + UUID] = problem(
            409, 'mac-taken', '0c:c4:7a:0e:2b:61 belongs to node X.')
        with self.assertRaises(client.BootdRefusal) as caught:
            self.client.put_node(UUID, {})
        self.assertEqual('mac-taken', caught.exception.code)
        self.assertIn('0c:c4:7a:0e:2b:61 belongs to node X [mac-taken]. If that node is gone, `bootd node rm` it',
                      str(caught.exception))

    def test_a_refusal_that_is_no_problem_document(self):
        self.bootd.start()
        self.bootd.answers['PUT', '/v1/nodes/' + UUID] = (502, b'<html>')
        with self.assertRaises(client.BootdRefusal) as caught:
            self.client.put_node(UUID, {})
        self.assertIn('<html> [HTTP 502]', str(caught.exception))

    def test_an_answer_that_is_not_bootds(self):
        self.bootd.start()
        self.bootd.answers['GET', '/v1/nodes'] = (200, b'hello')
        with self.assertRaisesRegex(client.BootdError, 'What answers on .* is not bootd'):
            self.client.get_nodes()


if __name__ == '__main__':
    unittest.main()
