// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"use strict";
(() => {
    const data = JSON.parse(document.getElementById("data").textContent);
    const percent = (share) => share === null ? "-" : (100 * share).toFixed(1) + " %";

    // Runs of [count]character, "=" for no change: one array of characters a moment.
    function decode(changes) {
        const states = [];
        let now = [];
        for (const text of changes) {
            now = now.slice();
            let at = 0;
            for (const [, count, symbol] of text.matchAll(/(\d*)([.=a-f])/g)) {
                for (let left = Number(count || 1); left > 0; --left, ++at) {
                    if (symbol !== "=") now[at] = symbol;
                }
            }
            states.push(now);
        }
        return states;
    }

    // The cells of one level as a path, as the page was written.
    function outline(cells, columns, level) {
        let path = "";
        for (let at = 0; at < cells.length;) {
            const line = Math.floor(at / columns);
            const lineEnd = Math.min((line + 1) * columns, cells.length);
            let end = at + 1;
            while (end < lineEnd && cells[end] === cells[at]) ++end;
            if (cells[at] === level) path += `M${at % columns} ${line}h${end - at}v1h${at - end}z`;
            at = end;
        }
        return path;
    }

    function prepare(section, scenario) {
        const play = section.querySelector(".play");
        const scrub = section.querySelector(".scrub");
        const now = section.querySelector(".now");
        const last = scenario.labels.length - 1;
        const states = scenario.runs.map((run) => decode(run.cells));
        const maps = [...section.querySelectorAll(".map")].map((map) => [...map.querySelectorAll(".zone")]);
        const readout = [...section.querySelectorAll(".readout [data-share]")];
        const cursors = [...section.querySelectorAll(".cursor")];
        let timer = null;

        function drawZone(element, cells, zone, moment) {
            for (const path of element.querySelectorAll("path")) {
                path.setAttribute("d", outline(cells, scenario.columns, path.getAttribute("class")));
            }
            element.querySelector(".free").textContent = percent(zone.free[moment] / zone.frames) + " free";
        }

        function draw(moment) {
            now.textContent = scenario.labels[moment];
            scrub.setAttribute("aria-valuetext", scenario.labels[moment]);
            for (const element of readout) {
                element.textContent = percent(scenario.runs[element.dataset.run][element.dataset.share][moment]);
            }
            for (const cursor of cursors) {
                cursor.setAttribute("x1", scenario.places[moment]);
                cursor.setAttribute("x2", scenario.places[moment]);
            }
            maps.forEach((zones, run) => {
                let at = 0;
                zones.forEach((element, i) => {
                    const {cells, frames} = scenario.zones[i];
                    const free = scenario.runs[run].free[i];
                    drawZone(element, states[run][moment].slice(at, at += cells), {free, frames}, moment);
                });
            });
        }

        function pause() {
            clearInterval(timer);
            timer = null;
            play.textContent = "Play";
        }
        play.addEventListener("click", () => {
            if (timer !== null) return pause();
            if (Number(scrub.value) === last) scrub.value = 0;
            play.textContent = "Pause";
            timer = setInterval(() => {
                scrub.value = Number(scrub.value) + 1;
                draw(Number(scrub.value));
                if (Number(scrub.value) === last) pause();
            }, 120);
        });
        scrub.addEventListener("input", () => {
            pause();
            draw(Number(scrub.value));
        });

        // Pointing at a line of the readout picks its lines out of the charts.
        for (const row of section.querySelectorAll(".readout tbody tr")) {
            const light = (on) => {
                section.classList.toggle("lit", on);
                for (const each of section.querySelectorAll(`[data-line="${row.dataset.line}"]`)) {
                    each.classList.toggle("bright", on);
                }
            };
            row.addEventListener("pointerenter", () => light(true));
            row.addEventListener("pointerleave", () => light(false));
        }
        draw(last);
    }

    document.documentElement.classList.add("js");
    document.querySelectorAll(".scenario").forEach((section, i) => prepare(section, data.scenarios[i]));
})();
