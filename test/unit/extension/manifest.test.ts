import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { z } from "zod";
import { AUTO } from "../../../src/model/auto.ts";
import { ENGINES } from "../../../src/engine/registry.ts";
import { COMMANDS } from "../../../src/extension/command-names.ts";
import { CONTEXTS } from "../../../src/extension/contexts.ts";
import { sentence } from "../../../src/extension/failure-text.ts";
import { CURSOR_LEVELS, LEVELS } from "../../../src/extension/highlights/ranges.ts";
import { PANEL_TYPE, REPORT_TYPE } from "../../../src/extension/pages/types.ts";
import { KNOWN_MODELS, settingsFrom } from "../../../src/extension/settings-values.ts";
import { DEFAULT_DESIGNS, DESIGN_IDS } from "../../../src/designs/designs.ts";
import { MODEL_IDS } from "../../../src/model/models.ts";
import { PANEL_COMMANDS } from "../../../src/protocol/panel.ts";
import { editorName, SETTINGS, type SettingFacts, type SettingName } from "../../../src/model/setting-table.ts";

const item = z.object({ command: z.string(), when: z.string().optional() });
const root = new URL("../../../", import.meta.url);
const manifest = z
  .object({
    icon: z.string(),
    main: z.string(),
    activationEvents: z.array(z.string()),
    capabilities: z.object({
      untrustedWorkspaces: z.object({ supported: z.string(), restrictedConfigurations: z.array(z.string()) }),
    }),
    contributes: z.object({
      commands: z.array(
        z.object({ command: z.string(), title: z.string(), category: z.string(), enablement: z.string().optional() }),
      ),
      menus: z.record(z.string(), z.array(item)),
      keybindings: z.array(item),
      colors: z.array(
        z.object({
          id: z.string(),
          description: z.string().min(1),
          defaults: z.strictObject({
            light: z.string(),
            dark: z.string(),
            highContrast: z.string(),
            highContrastLight: z.string(),
          }),
        }),
      ),
      customEditors: z.array(z.object({ viewType: z.string() })),
      walkthroughs: z.array(
        z.object({
          steps: z.array(
            z.object({
              description: z.string(),
              media: z.object({ markdown: z.string() }),
              completionEvents: z.array(z.string()),
            }),
          ),
        }),
      ),
      configuration: z.object({
        properties: z.record(
          z.string(),
          z.object({
            default: z.unknown(),
            type: z.string(),
            minimum: z.number().optional(),
            maximum: z.number().optional(),
            enum: z.array(z.string()).optional(),
            enumDescriptions: z.array(z.string()).optional(),
            items: z.object({ enum: z.array(z.string()).optional() }).optional(),
            markdownDescription: z.string().min(1),
            scope: z.string().optional(),
          }),
        ),
      }),
    }),
  })
  .parse(JSON.parse(readFileSync(new URL("package.json", root), "utf8")));
const { commands, menus, keybindings, colors, configuration, walkthroughs, customEditors } = manifest.contributes;

/** Context keys in a when clause: words outside quotes that are not operators. */
function keysOf(clause: string): string[] {
  return clause.replace(/'[^']*'/gu, "").match(/[A-Za-z][\w.]*/gu) ?? [];
}

/** Keys that VS Code itself sets. */
const VS_CODE_KEYS = ["editorHasSelection", "editorTextFocus", "activeWebviewPanelId", "activeCustomEditorId"];
const KEYS = [...CONTEXTS.map((key) => `hysparse.${key}`), ...VS_CODE_KEYS];

describe("commands and package.json", () => {
  it("every command of the table is contributed, and nothing else", () => {
    assert.deepEqual(commands.map(({ command }) => command).sort(), COMMANDS.map((name) => `hysparse.${name}`).sort());
  });

  it("every command that the page may ask for is one", () => {
    for (const name of PANEL_COMMANDS) assert.ok((COMMANDS as readonly string[]).includes(name), name);
  });

  it("titles are there once, under one category", () => {
    assert.equal(new Set(commands.map(({ title }) => title)).size, commands.length);
    for (const { title, category } of commands) {
      assert.equal(category, "HySparse");
      assert.match(title, /^[A-Z][^.]*(?:\.\.\.)?$/u);
    }
  });

  it("conditions name context keys that somebody sets", () => {
    const clauses = [
      ...commands.map(({ enablement }) => enablement),
      ...Object.values(menus).flatMap((items) => items.map(({ when }) => when)),
      ...keybindings.map(({ when }) => when),
    ].filter((clause) => clause !== undefined);
    assert.ok(clauses.length > 10);
    for (const key of clauses.flatMap(keysOf)) assert.ok(KEYS.includes(key), key);
  });

  it("every context key is used", () => {
    const used = new Set(commands.flatMap(({ enablement }) => keysOf(enablement ?? "")));
    for (const key of CONTEXTS) assert.ok(used.has(`hysparse.${key}`), key);
  });

  it("the palette hides a command exactly while it is disabled", () => {
    const hidden = new Map((menus["commandPalette"] ?? []).map(({ command, when }) => [command, when]));
    for (const { command, enablement } of commands) assert.equal(hidden.get(command), enablement, command);
  });

  it("menus, keys and the walkthrough name our commands", () => {
    const named = [
      ...Object.values(menus).flatMap((items) => items.map(({ command }) => command)),
      ...keybindings.map(({ command }) => command),
      ...walkthroughs.flatMap(({ steps }) =>
        steps.flatMap(({ description, completionEvents }) => [
          ...[...description.matchAll(/\(command:([\w.]+)\)/gu)].map((match) => match[1]!),
          ...completionEvents.map((event) => event.replace(/^onCommand:/u, "")),
        ]),
      ),
    ].filter((command) => !command.startsWith("workbench."));
    for (const command of named)
      assert.ok(
        commands.some((known) => known.command === command),
        command,
      );
  });

  it("files that it names are there", () => {
    const files = [manifest.icon, ...walkthroughs.flatMap(({ steps }) => steps.map(({ media }) => media.markdown))];
    for (const file of files) assert.ok(existsSync(new URL(file, root)), file);
  });

  it("the extension is started by its commands and pages only", () => {
    assert.deepEqual(manifest.activationEvents, [`onWebviewPanel:${PANEL_TYPE}`]);
    assert.deepEqual(
      customEditors.map(({ viewType }) => viewType),
      [REPORT_TYPE],
    );
  });
});

/** What stands for "not set", by type. */
const UNSET: Readonly<Record<string, unknown>> = { string: "", boolean: false };

describe("settings and package.json", () => {
  const defaults = (name: string): unknown => configuration.properties[`hysparse.${name}`]?.default;

  it("exactly the contributed settings are read", () => {
    const read: string[] = [];
    settingsFrom((name) => {
      read.push(`hysparse.${name}`);
      return undefined;
    });
    assert.deepEqual([...new Set(read)].sort(), Object.keys(configuration.properties).sort());
  });

  it("the defaults in the code are the contributed ones", () => {
    assert.deepEqual(
      settingsFrom(defaults),
      settingsFrom(() => undefined),
    );
  });

  it("engines that may be set are the rows whose times mean something, in their words", () => {
    const offered = [AUTO, ...ENGINES.filter(({ caveat }) => caveat === undefined)];
    const setting = configuration.properties["hysparse.engine"]!;
    assert.deepEqual(
      setting.enum,
      offered.map(({ id }) => id),
    );
    assert.deepEqual(
      setting.enumDescriptions,
      offered.map(({ description }) => sentence(description)),
    );
    assert.equal(setting.default, AUTO.id);
  });

  it("what the command line has too has the same bounds, words and defaults", () => {
    for (const [name, facts] of Object.entries<SettingFacts>(SETTINGS)) {
      const { editor, least, most, editorMost = most, choices, default: byTable, editorDefault = byTable } = facts;
      if (editor === undefined) continue;
      const setting = configuration.properties[editorName(name as SettingName)];
      assert.ok(setting, name);
      if (choices !== undefined) assert.deepEqual([...setting.enum!].sort(), [...choices].sort(), name);
      if (least !== undefined) {
        // 0 leaves it to the profiler.
        assert.deepEqual([setting.type, setting.minimum, setting.maximum], ["integer", 0, editorMost], name);
        assert.equal(setting.default, typeof editorDefault === "number" ? editorDefault : 0, name);
      } else if (setting.type !== "array") assert.equal(setting.default, editorDefault ?? UNSET[setting.type], name);
    }
  });

  it("threads: none is chosen by 0 and by what makes no sense", () => {
    for (const [value, threads] of [
      [0, undefined],
      [4, 4],
      [-2, undefined],
      ["2", undefined],
      [2.9, 2],
    ] as const) {
      const { place } = settingsFrom((name) => (name === "threads" ? value : undefined));
      assert.equal(place.threads, threads);
    }
  });

  it("a workspace that is not trusted names no folder and no executable", () => {
    const { supported, restrictedConfigurations } = manifest.capabilities.untrustedWorkspaces;
    assert.equal(supported, "limited");
    assert.deepEqual([...restrictedConfigurations].sort(), ["hysparse.model", "hysparse.runtime.nodePath"]);
    assert.equal(configuration.properties["hysparse.runtime.nodePath"]?.scope, "machine");
  });

  it("variants are the rows of the table of designs, in its order", () => {
    assert.deepEqual(configuration.properties["hysparse.variants"]?.items?.enum, DESIGN_IDS);
    assert.deepEqual(defaults("variants"), DEFAULT_DESIGNS);
  });

  it("models that need no folder are those of the runtime", () => {
    assert.deepEqual([...KNOWN_MODELS].sort(), [...MODEL_IDS].sort());
  });
});

describe("colours and package.json", () => {
  it("every decoration has its two colours, for all kinds of themes, and there are no others", () => {
    const grades = [
      ...Array.from({ length: LEVELS }, (_, index) => `importance.level${index + 1}`),
      "importance.stale",
      ...Array.from({ length: CURSOR_LEVELS }, (_, index) => `cursor.selected${index + 1}`),
      "cursor.window",
    ];
    const wanted = [
      ...grades.flatMap((grade) => [`hysparse.${grade}Background`, `hysparse.${grade}Underline`]),
      "hysparse.importance.ruler",
      "hysparse.cursor.ruler",
    ];
    assert.deepEqual(colors.map(({ id }) => id).sort(), wanted.sort());
  });

  it("in high contrast the underline tells, elsewhere the background", () => {
    for (const { id, defaults } of colors) {
      const clear = (color: string): boolean => /^#.{6}00$/u.test(color);
      if (id.endsWith("Background")) {
        assert.ok(!clear(defaults.light) && !clear(defaults.dark), id);
        assert.ok(clear(defaults.highContrast) && clear(defaults.highContrastLight), id);
      } else {
        assert.ok(!clear(defaults.highContrast) && !clear(defaults.highContrastLight), id);
      }
    }
  });
});
