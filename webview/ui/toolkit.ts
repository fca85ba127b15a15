import { provideVSCodeDesignSystem, vsCodeButton } from "@vscode/webview-ui-toolkit";

// The toolkit's elements are defined once, when the page's script starts. Only this folder knows that they exist.
provideVSCodeDesignSystem().register(vsCodeButton());
