import contextlib
import os
import unittest
from unittest import mock

from ironic.common import boot_devices
from ironic.common import dhcp_factory
from ironic.common import exception
from ironic.common import pxe_utils
from ironic.conductor import utils as manager_utils
from ironic.drivers.modules import boot_mode_utils
from ironic.drivers.modules import pxe_base

from ironic_bootd import boot
from ironic_bootd import dhcp
from ironic_bootd import hardware
from tests.bootd_double import UUID, WithBootd

NODE = '/v1/nodes/' + UUID
PROFILE = NODE + '/boot-profile'


class BootTest(WithBootd):
    def setUp(self):
        super().setUp()
        self.provider = dhcp.BootdDHCPApi()
        self.fetched = []
        self.devices = []
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        patch = mock.patch.object
        stack.enter_context(patch(dhcp_factory.DHCPFactory, '_dhcp_provider', self.provider))
        stack.enter_context(patch(pxe_utils, 'cache_ramdisk_kernel', side_effect=self.fetch))
        stack.enter_context(patch(manager_utils, 'node_set_boot_device', side_effect=self.set_device))
        for name in ('sync_boot_mode', 'configure_secure_boot_if_needed', 'deconfigure_secure_boot_if_needed'):
            stack.enter_context(patch(boot_mode_utils, name))
        stack.enter_context(patch(pxe_utils, 'TFTPImageCache'))
        self.boot = boot.BootdBoot()

    def fetch(self, task, images):
        self.assertEqual([], self.bootd.calls, 'bootd is told before the images are there')
        self.fetched = sorted(os.path.relpath(path, self.bootd.folder) for _, path in images.values())

    def set_device(self, task, device, persistent=False):
        self.assertEqual(PROFILE, self.bootd.calls[-1][1], 'the boot device is set before bootd is told')
        self.devices.append((device, persistent))

    def profile(self):
        self.assertEqual([('PUT', NODE), ('PUT', PROFILE)], [call[:2] for call in self.bootd.calls])
        return self.bootd.calls[1][2]

    def instance_task(self, **fields):
        return self.task(deploy_interface='ramdisk', **dict({'instance_info': {
            'kernel': 'file:///ik', 'ramdisk': 'file:///ir', 'ramdisk_kernel_arguments': 'lab.instance=1'}}, **fields))

    def test_the_deploy_ramdisk(self):
        task = self.task()
        self.boot.prepare_ramdisk(task, {'ipa-api-url': 'http://192.168.0.1:6385'})
        self.assertEqual([UUID + '/deploy_kernel', UUID + '/deploy_ramdisk'], self.fetched)
        self.assertEqual({
            'purpose': 'deploy', 'kernel': UUID + '/deploy_kernel', 'ramdisk': UUID + '/deploy_ramdisk',
            'kernel_append_params': 'selinux=0 troubleshoot=0 text console=ttyS0,115200 '
                                    'ipa-api-url=http://192.168.0.1:6385 '
                                    'ipa-global-request-id=' + task.context.global_id,
        }, self.profile())
        self.assertEqual([(boot_devices.PXE, False)], self.devices)
        options = self.bootd.calls[0][2]['dhcp_options']
        self.assertEqual({'67': 'bootx64.efi', '66': '192.168.0.1', '150': '192.168.0.1', '255': '192.168.0.1'},
                         {option['opt_name']: option['opt_value'] for option in options
                          if option['ip_version'] == 4 and option['opt_name'] != '210'})

    def test_cleaning_and_inspection_boot_the_deploy_ramdisk_for_another_purpose(self):
        for state, purpose in (('cleaning', 'clean'), ('inspecting', 'inspect'), ('servicing', 'service')):
            self.bootd.calls.clear()
            self.boot.prepare_ramdisk(self.task(state), {})
            self.assertEqual(purpose, self.profile()['purpose'])
            self.assertEqual(UUID + '/deploy_kernel', self.profile()['kernel'])

    def test_rescue_has_a_ramdisk_of_its_own(self):
        self.boot.prepare_ramdisk(self.task('rescuing'), {})
        self.assertEqual([UUID + '/rescue_kernel', UUID + '/rescue_ramdisk'], self.fetched)
        self.assertEqual('rescue', self.profile()['purpose'])
        self.assertEqual(UUID + '/rescue_ramdisk', self.profile()['ramdisk'])

    def test_an_instance_that_is_a_ramdisk(self):
        task = self.instance_task()
        self.boot.prepare_instance(task)
        self.assertEqual([UUID + '/kernel', UUID + '/ramdisk'], self.fetched)
        self.assertEqual({
            'purpose': 'instance', 'kernel': UUID + '/kernel', 'ramdisk': UUID + '/ramdisk',
            'kernel_append_params': 'root=/dev/ram0 text console=ttyS0,115200 ipa-global-request-id=%s '
                                    'lab.instance=1' % task.context.global_id,
        }, self.profile())
        self.assertEqual([(boot_devices.PXE, True)], self.devices)

    def test_an_instance_on_disk_is_sent_there_if_it_asks_the_network(self):
        self.boot.prepare_instance(self.task())
        self.assertEqual({'purpose': 'instance', 'policy': 'local-disk'}, self.profile())
        self.assertEqual([(boot_devices.DISK, True)], self.devices)

    def test_a_takeover_publishes_again_and_leaves_the_machine_alone(self):
        self.boot.prepare_instance(self.instance_task(provision_state='active'))
        self.assertEqual('instance', self.profile()['purpose'])
        self.assertEqual([], self.devices)

    def test_lenovos_boot_order_is_left_alone(self):
        properties = {'vendor': 'Lenovo', 'capabilities': 'boot_mode:uefi'}
        self.boot.prepare_instance(self.task(properties=properties))
        self.assertEqual([], self.devices)

    def test_clean_up_is_repeatable_and_takes_the_images_away(self):
        folder = os.path.join(self.bootd.folder, UUID)
        os.makedirs(folder)
        for _ in range(2):
            self.boot.clean_up_ramdisk(self.task())
            self.boot.clean_up_instance(self.instance_task())
        self.assertFalse(os.path.exists(folder))
        deletions = [call[:2] for call in self.bootd.calls if call[0] == 'DELETE']
        self.assertEqual([('DELETE', PROFILE)] * 4, deletions)

    def test_after_cleaning_and_inspection_bootd_forgets_the_node(self):
        for state in ('cleaning', 'inspecting'):
            self.bootd.calls.clear()
            self.boot.clean_up_ramdisk(self.task(state))
            self.assertEqual(('DELETE', NODE), self.bootd.calls[0][:2])

    def test_bootd_away_stops_what_would_not_boot(self):
        self.bootd.stop()
        for call in (lambda: self.boot.prepare_ramdisk(self.task(), {}),
                     lambda: self.boot.prepare_instance(self.task()),
                     lambda: self.boot.clean_up_ramdisk(self.task()),
                     lambda: self.boot.clean_up_instance(self.task())):
            with self.assertRaisesRegex(exception.IronicException, 'bootd cannot be reached .*systemctl start bootd'):
                call()
        self.assertEqual([], self.devices)

    def test_another_provider_does_not_keep_the_node_from_bootd(self):
        other = mock.Mock(supports_ipxe_tag=lambda: False, get_ip_addresses=lambda _: [])
        with mock.patch.object(dhcp_factory.DHCPFactory, '_dhcp_provider', other):
            self.boot.prepare_ramdisk(self.task(), {})
            self.assertEqual(1, other.update_dhcp_opts.call_count)
            self.assertEqual('deploy', self.profile()['purpose'])
            self.bootd.calls.clear()
            self.boot.clean_up_instance(self.instance_task())
            self.assertEqual(('DELETE', NODE), self.bootd.calls[0][:2])

    def test_what_it_cannot_boot_is_refused_before_anything_happens(self):
        with mock.patch.object(pxe_base.PXEBaseMixin, 'validate', autospec=True):
            self.boot.validate(self.task())
            for task, words in (
                    (self.task(deploy_interface='anaconda'), 'anaconda'),
                    (self.task(deploy_interface='ramdisk', instance_info={'boot_iso': 'x'}), 'boot_iso'),
                    (self.task(driver_internal_info={'boot_from_volume': 'x'}), 'volume')):
                with self.assertRaisesRegex(exception.InvalidParameterValue, words):
                    self.boot.validate(task)


class HardwareTypeTest(unittest.TestCase):

    def test_it_lists_the_class_itself(self):
        self.assertIs(boot.BootdBoot, hardware.BootdIPMIHardware().supported_boot_interfaces[0])

    def test_it_is_ipmi_otherwise(self):
        ours, theirs = hardware.BootdIPMIHardware(), hardware.ipmi.IPMIHardware()
        self.assertEqual(theirs.supported_boot_interfaces, ours.supported_boot_interfaces[1:])
        self.assertEqual(theirs.supported_power_interfaces, ours.supported_power_interfaces)
        self.assertEqual(theirs.supported_management_interfaces, ours.supported_management_interfaces)


if __name__ == '__main__':
    unittest.main()
