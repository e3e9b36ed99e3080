# SPDX-License-Identifier: Apache-2.0
"""jupyter.py LINK NOTEBOOK: open JupyterLab in a real browser, run a cell that trains and plots.

The notebook NOTEBOOK (a path on the host, in the folder that JupyterLab shows) must hold the plot afterwards.
"""
import json
import os
import re
import sys
import time
import urllib.error
import urllib.request

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support import expected_conditions as seen
from selenium.webdriver.support.ui import WebDriverWait

CELL = """
import torch, matplotlib.pyplot as plt
from sklearn.datasets import load_digits
d = load_digits()
x = torch.tensor(d.data / 16, dtype=torch.float32); y = torch.tensor(d.target)
net = torch.nn.Linear(64, 10); opt = torch.optim.Adam(net.parameters(), lr=0.05); losses = []
for _ in range(60):
    opt.zero_grad(); loss = torch.nn.functional.cross_entropy(net(x), y); loss.backward(); opt.step(); losses.append(loss.item())
plt.plot(losses); print("trained", losses[-1] < losses[0])
"""


def empty_notebook(path):
    lines = [line + "\n" for line in CELL.strip().split("\n")]
    cell = {"cell_type": "code", "id": "train", "execution_count": None, "metadata": {},
            "outputs": [], "source": lines}
    book = {"cells": [cell], "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python",
                                                         "name": "python3"}},
            "nbformat": 4, "nbformat_minor": 5}
    with open(path, "w", encoding="utf-8") as f:
        json.dump(book, f)


def browser():
    options = webdriver.ChromeOptions()
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync",
                 "--disable-dev-shm-usage", "--window-size=1400,1000",
                 "--user-data-dir=" + os.environ["BROWSER_DATA"]):
        options.add_argument(flag)
    options.binary_location = "/usr/bin/chromium"
    return webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)


def outputs(path):
    with open(path, encoding="utf-8") as f:
        try:
            return json.load(f)["cells"][0]["outputs"]
        except json.JSONDecodeError:  # it is being written
            return []


def refused(link):
    """A wrong token must not get in: the API says 403."""
    base, token = link.split("/lab?token=")
    request = urllib.request.Request(base + "/api/contents?token=" + "0" * len(token))
    try:
        urllib.request.urlopen(request, timeout=20)
    except urllib.error.HTTPError as e:
        return e.code == 403
    return False


def prompt(page):
    return page.find_element(By.CSS_SELECTOR, ".jp-CodeCell .jp-InputPrompt").text


def run_cell(page):
    """Run the cell until its plot is there. JupyterLab draws cells anew while it loads: what is typed then is lost."""
    for _ in range(6):
        try:
            cell = WebDriverWait(page, 20).until(
                seen.element_to_be_clickable((By.CSS_SELECTOR, ".jp-Notebook .cm-content")))
            cell.click()
            cell.send_keys(Keys.SHIFT, Keys.ENTER)
            # "[*]:" runs, "[1]:" has run.
            WebDriverWait(page, 10).until(lambda p: re.match(r"\[(\*|[0-9]+)\]", prompt(p)))
            WebDriverWait(page, 60).until(
                seen.presence_of_element_located((By.CSS_SELECTOR, ".jp-OutputArea-output img")))
            return
        except (TimeoutException, StaleElementReferenceException):
            print("typed again, the prompt being", prompt(page))
    raise AssertionError("the cell made no plot")


def main(link, path):
    empty_notebook(path)
    base, token = link.split("/lab?")
    page = browser()
    try:
        page.get(f"{base}/lab/tree/{os.path.basename(path)}?{token}")
        wait = WebDriverWait(page, 90)
        # The kernel is ready when its indicator says idle.
        wait.until(seen.presence_of_element_located(
            (By.CSS_SELECTOR, ".jp-Notebook-ExecutionIndicator[data-status='idle']")))
        run_cell(page)
        webdriver.ActionChains(page).key_down(Keys.CONTROL).send_keys("s").key_up(Keys.CONTROL).perform()
        for _ in range(100):
            kinds = [kind for out in outputs(path) for kind in out.get("data", {})]
            if "image/png" in kinds:
                break
            time.sleep(0.2)
        page.save_screenshot(os.environ.get("SCREENSHOT", "/dev/null"))
    finally:
        page.quit()
    text = "".join(t for out in outputs(path) for t in out.get("text", []))
    assert "trained True" in text, text
    assert "image/png" in kinds, kinds
    assert refused(link), "a wrong token was let in"
    print("the plot is in the notebook")


main(*sys.argv[1:])
