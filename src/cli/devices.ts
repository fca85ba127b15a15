import type { Devices } from "../protocol/jobs.ts";

/** What --list-devices prints: engines, and the devices of each that --gpu can name. */
export function deviceList({ engines, devices }: Devices): string {
  const nameable = engines.filter(({ settings }) => settings.includes("gpu"));
  return [
    "Engines (--engine):",
    ...engines.map(({ id, description }) => `  ${id}: ${description}`),
    ...nameable.flatMap(({ id, noun, hint, trouble }) => {
      const own = devices.filter(({ engine }) => engine === id);
      const none = [trouble ?? hint].flatMap((why) => why ?? []);
      return [
        `${noun}s of ${id} (--gpu: index, name, or a unique part of a name):`,
        ...(own.length > 0 ? own.map(({ description }) => `  ${description}`) : [`  ${["none", ...none].join(": ")}`]),
      ];
    }),
    "",
  ].join("\n");
}
