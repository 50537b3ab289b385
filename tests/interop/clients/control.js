/* What a browser makes of the control of a gregor play:
 *
 *     control.js CHROMIUM ADDRESS PICTURE
 *
 * Goes through the page as a person does, keeps a picture, and says on standard error what does not hold. */
'use strict';
const {chromium} = require('playwright-core');

function expect(holds, why) {
    if (!holds) throw new Error(why);
}

async function go(browser, address, picture) {
    const page = await browser.newPage({viewport: {width: 1200, height: 1600}}), wrong = [];
    const says = text => page.waitForFunction(t => document.getElementById('story').textContent.includes(t), text);
    page.on('console', message => ['error', 'warning'].includes(message.type()) && wrong.push(message.text()));
    page.on('pageerror', error => wrong.push(error.message));
    page.on('request', request => request.url().startsWith(address) || request.url().startsWith('data:') || wrong.push(`it asked for ${request.url()}`));
    await page.goto(address);
    await page.waitForFunction(() => document.querySelectorAll('#nodes tbody tr').length === 3);
    await page.waitForFunction(() => document.querySelectorAll('#preset option').length > 10);
    await page.waitForFunction(() => document.getElementById('timeline').naturalWidth > 100);
    await page.waitForFunction(() => document.getElementById('partitions').textContent.includes('orders-0'));

    await page.click('button[aria-label="crash b1"]');
    await says('crash b1');
    await page.click('button[aria-label="restart b1"]');
    await page.fill('#words', '{cut: [b2, rest], as: away}');
    await page.press('#words', 'Enter');
    await page.waitForFunction(() => document.getElementById('faults').textContent.includes('away'));
    await page.click('button[aria-label="end away"]');
    await page.waitForFunction(() => !document.getElementById('faults').textContent.includes('away'));
    await page.fill('#words', 'crahs b1');
    await page.press('#words', 'Enter');
    await page.waitForFunction(() => document.getElementById('answer').textContent.includes('did you mean crash?'));
    await page.selectOption('#preset', 'flapping-link');
    expect((await page.textContent('#about')).includes('It finds'), 'a preset does not say what it finds');
    await page.click('#begin');
    await page.waitForFunction(() => document.querySelectorAll('#faults li').length > 0);
    await page.click('#pause');
    await page.waitForFunction(() => document.getElementById('time').textContent.includes('stands still'));
    await page.click('#advance');
    await page.click('#heal');
    await page.click('#draw');
    await page.waitForFunction(() => decodeURIComponent(document.getElementById('timeline').src).includes('crash b1'));
    await page.waitForTimeout(500);
    await page.screenshot({path: picture, fullPage: true});
    await page.click('#pause');
    const before = wrong.length;
    await page.click('#finish');
    await page.waitForFunction(() => document.getElementById('answer').textContent.includes('verdict: '), null, {timeout: 60000});
    /* Mistakes are answered by status 400, and the browser says so; what the page asked for when the run ended, by 409. */
    const others = wrong.filter((text, i) => !text.includes('400') && !(i >= before && text.includes('409')));
    expect(others.length === 0, others.join('; '));
    return page.textContent('#answer');
}

(async () => {
    const [executablePath, address, picture] = process.argv.slice(2);
    const browser = await chromium.launch({executablePath, args: ['--no-sandbox']});
    try {
        console.log(await go(browser, address, picture));
    } catch (error) {
        console.error(error.message.split('\n')[0]);
        process.exitCode = 1;
    } finally {
        await browser.close();
    }
})();
