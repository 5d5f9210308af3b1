import { VERSION } from "./version.ts";

/** The class of another bundle of this package, of any version. */
type OtherCopy = CustomElementConstructor & { readonly version?: string };

/**
 * Register an element under a tag. Do nothing where it has the tag already, and where another copy of this package has
 * it. Warn once where that copy is of another version.
 *
 * @param own The class that this package registers; `element` is that class or extends it.
 * @param registry `undefined` on servers.
 * @throws DOMException `NotSupportedError` where another class has the tag.
 */
export function register(
  tag: string,
  element: CustomElementConstructor,
  own: CustomElementConstructor,
  registry: CustomElementRegistry | undefined,
): void {
  const present = registry?.get(tag);
  if (present === element) return;
  if (isOtherCopy(present, own)) warnOfOtherCopy(tag, present);
  else registry?.define(tag, element);
}

function isOtherCopy(
  present: CustomElementConstructor | undefined,
  own: CustomElementConstructor,
): present is OtherCopy {
  if (present === undefined || present === own || present.prototype instanceof own) return false;
  return "addLanguage" in present && "define" in present;
}

let isWarned = false;

function warnOfOtherCopy(tag: string, { version = "unknown" }: OtherCopy): void {
  if (version === VERSION || isWarned) return;
  isWarned = true;
  console.warn(
    `<${tag}> is version ${version} of emotion-cam, which was loaded first. Version ${VERSION} is not used. Load one of ` +
      "them only.",
  );
}
