from __future__ import annotations

import asyncio

from scrapy.utils.reactor import is_reactor_installed

from tests.coroutines import coroutine_test


@coroutine_test
async def test_runs_in_the_loop_of_the_run(request):
    await asyncio.sleep(0)
    assert asyncio.get_running_loop().is_running()
    assert is_reactor_installed() == request.config.pluginmanager.hasplugin("twisted")
