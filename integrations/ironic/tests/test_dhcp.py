import inspect
import unittest
from unittest import mock

from ironic.common import exception
from ironic.dhcp import base
from ironic import objects

from ironic_bootd import dhcp
from tests.bootd_double import MAC, OLD_UUID, problem, UUID, WithBootd

NODE = '/v1/nodes/' + UUID
# As Ironic 2023.1 passes them for a BIOS node.
OPTIONS = [
    {'opt_name': '67', 'opt_value': 'pxelinux.0', 'ip_version': 4},
    {'opt_name': '210', 'opt_value': '/tftpboot/', 'ip_version': 4},
    {'opt_name': '66', 'opt_value': '192.168.0.1', 'ip_version': 4},
    {'opt_name': '150', 'opt_value': '192.168.0.1', 'ip_version': 4},
    {'opt_name': '255', 'opt_value': '192.168.0.1', 'ip_version': 4},
    {'opt_name': '59', 'opt_value': 'tftp://192.168.0.1/pxelinux.0', 'ip_version': 6},
]


class ProviderTest(WithBootd):

    def setUp(self):
        super().setUp()
        self.provider = dhcp.BootdDHCPApi()

    def put_document(self):
        (method, path, document), = self.bootd.calls
        self.assertEqual(('PUT', NODE), (method, path))
        return document

    def test_every_method_takes_what_the_contract_passes(self):
        for name, method in inspect.getmembers(base.BaseDHCP, inspect.isfunction):
            ours = inspect.signature(getattr(dhcp.BootdDHCPApi, name))
            if name == 'update_port_dhcp_opts':
                # 2023.1 has `token`, newer releases have not.
                for rest in ({'context': None}, {'token': None, 'context': None}):
                    ours.bind(None, 'port', [], **rest)
            else:
                self.assertEqual(inspect.signature(method), ours, name)

    def test_all_of_a_node_is_put_with_its_options(self):
        self.provider.update_dhcp_opts(self.task(), OPTIONS)
        self.assertEqual({
            'name': 'bm1', 'boot_mode': 'uefi', 'arch': 'x86_64', 'managed_by': 'ironic', 'purpose': 'deploy',
            'ports': [
                {'address': MAC, 'pxe_enabled': True, 'fixed_address': '192.168.0.20', 'extra': {
                    'gateway_name': '17.100.36.110', 'gateway_port': '1/1/5', 'gateway_vlan': '0',
                    'fixed_address': '192.168.0.20'}},
                {'address': '0e:c4:7a:0e:2b:61', 'pxe_enabled': False, 'extra': {}}],
            'dhcp_options': OPTIONS,
            'bmc': {'address': '10.167.36.125', 'username': 'ADMIN', 'password': 'geheim'},
        }, self.put_document())

    def test_the_bmc_is_kept_back_where_that_is_wanted_or_there_is_none(self):
        self.configure('bootd', share_bmc=False)
        self.provider.update_dhcp_opts(self.task(), OPTIONS)
        self.assertNotIn('bmc', self.put_document())

    def test_the_bmcs_port_is_a_number(self):
        self.provider.update_dhcp_opts(self.task(driver_info={'ipmi_address': 'bmc1', 'ipmi_port': '6230'}), [])
        self.assertEqual({'address': 'bmc1', 'username': '', 'password': '', 'port': 6230}, self.put_document()['bmc'])

    def test_purposes(self):
        for state, deploy_interface, purpose in (
                ('deploying', 'direct', 'deploy'), ('deploying', 'ramdisk', 'instance'),
                ('cleaning', 'ramdisk', 'clean'), ('clean wait', 'direct', 'clean'),
                ('inspecting', 'direct', 'inspect'), ('rescuing', 'direct', 'rescue'),
                ('servicing', 'direct', 'service')):
            self.bootd.calls.clear()
            self.provider.update_dhcp_opts(self.task(state, deploy_interface), [])
            self.assertEqual(purpose, self.put_document()['purpose'], state)

    def test_libertys_names(self):
        self.provider.update_dhcp_opts(self.task(), [
            {'opt_name': 'tag:!ipxe,bootfile-name', 'opt_value': 'undionly.kpxe'},
            {'opt_name': '!175,bootfile-name', 'opt_value': 'undionly.kpxe'},
            {'opt_name': 'server-ip-address', 'opt_value': '192.168.0.1'},
            {'opt_name': 'tftp-server', 'opt_value': '192.168.0.1'}])
        options = self.put_document()['dhcp_options']
        self.assertEqual(['tag:!ipxe,67', '!175,67', '255', '66'], [option['opt_name'] for option in options])
        self.assertEqual({4}, {option['ip_version'] for option in options})

    def test_bootd_away_is_the_operators_to_read(self):
        self.bootd.stop()
        for call, error in ((lambda: self.provider.update_dhcp_opts(self.task(), OPTIONS),
                             exception.FailedToUpdateDHCPOptOnPort),
                            (lambda: self.provider.clean_dhcp_opts(self.task()), exception.FailedToCleanDHCPOpts)):
            with self.assertRaises(error) as caught:
                call()
            self.assertIn('bootd cannot be reached on its control socket ' + self.bootd.path, str(caught.exception))
            self.assertIn('systemctl start bootd', str(caught.exception))

    def test_addresses(self):
        self.bootd.answers['GET', NODE + '/leases'] = (200, {'addresses': ['192.168.0.20'], 'leases': []})
        self.assertEqual(['192.168.0.20'], self.provider.get_ip_addresses(self.task()))

    def test_addresses_are_not_worth_a_failed_deploy(self):
        self.bootd.stop()
        self.assertEqual([], self.provider.get_ip_addresses(self.task()))

    def test_clean_up_twice(self):
        for _ in range(2):
            self.provider.clean_dhcp_opts(self.task())
        self.assertEqual([('DELETE', NODE, None)] * 2, self.bootd.calls)

    def test_ipxe_tags_are_understood(self):
        self.assertIs(True, self.provider.supports_ipxe_tag())


class StrangerTest(WithBootd):
    """The MAC belongs to another node in bootd."""

    def setUp(self):
        super().setUp()
        self.bootd.answers['PUT', NODE] = [problem(409, 'mac-taken', 'it belongs to another'), (200, {})]

    def update(self, managed_by, enrolled):
        self.bootd.answers['GET', '/v1/nodes'] = (200, {'nodes': [
            {'uuid': OLD_UUID, 'managed_by': managed_by, 'ports': [{'address': MAC}]},
            {'uuid': OLD_UUID[::-1], 'managed_by': 'ironic', 'ports': [{'address': '02:00:00:00:00:01'}]}]})
        found = {} if enrolled else {'side_effect': exception.NodeNotFound(node=OLD_UUID)}
        with mock.patch.object(objects.Node, 'get_by_uuid', autospec=True, **found):
            dhcp.BootdDHCPApi().update_dhcp_opts(self.task(), OPTIONS)

    def test_a_machine_that_was_enrolled_anew(self):
        self.update('ironic', enrolled=False)
        self.assertEqual([('PUT', NODE), ('GET', '/v1/nodes'), ('DELETE', '/v1/nodes/' + OLD_UUID), ('PUT', NODE)],
                         [call[:2] for call in self.bootd.calls])

    def test_a_node_that_ironic_still_has_is_left_alone(self):
        with self.assertRaisesRegex(exception.FailedToUpdateDHCPOptOnPort, 'bootd node rm'):
            self.update('ironic', enrolled=True)

    def test_a_node_that_an_admin_put_is_left_alone(self):
        with self.assertRaisesRegex(exception.FailedToUpdateDHCPOptOnPort, 'bootd node rm'):
            self.update(None, enrolled=False)


class ClientIdTest(WithBootd):

    def update(self, port_id, options=({'opt_name': '61', 'opt_value': 'ff:01'},)):
        task = self.task()
        task.ports[0].internal_info = {'tenant_vif_port_id': 'vif'}

        def by_uuid(_context, uuid):
            for port in task.ports:
                if port.uuid == uuid:
                    return port
            raise exception.PortNotFound(port=uuid)

        with mock.patch.object(objects.Port, 'get_by_uuid', side_effect=by_uuid), \
                mock.patch.object(objects.Port, 'list', return_value=task.ports), \
                mock.patch.object(objects.Node, 'get_by_id', return_value=task.node):
            dhcp.BootdDHCPApi().update_port_dhcp_opts(port_id, options, token=None, context=task.context)

    def test_it_is_put_into_the_port_and_all_the_rest_stays(self):
        known = {'uuid': UUID, 'ports': [{'address': MAC, 'extra': {'a': 1}}], 'dhcp_options': OPTIONS}
        self.bootd.answers['GET', NODE] = (200, known)
        for port_id in (OLD_UUID, 'vif'):
            self.bootd.calls.clear()
            self.update(port_id)
            method, path, document = self.bootd.calls[-1]
            self.assertEqual(('PATCH', NODE), (method, path))
            self.assertEqual({'ports': [{'address': MAC, 'extra': {'a': 1, 'client-id': 'ff:01'}}]}, document)

    def test_nothing_to_put_it_into(self):
        self.bootd.answers['GET', NODE] = problem(404, 'node-not-found', 'no')
        self.update('vif')
        self.update('none of ours')
        self.assertEqual([('GET', NODE, None)], self.bootd.calls)

    def test_other_options_are_not_taken_over(self):
        self.update('vif', [{'opt_name': '67', 'opt_value': 'x'}])
        self.assertEqual([], self.bootd.calls)


if __name__ == '__main__':
    unittest.main()
