// Values and errors in words. Everything here takes any value whatever and never throws.

/** What only a bug can cause, or somebody else's code: said, because silence would hide it; not fatal, because the upload may go on. */
export const complain = (what) => console.error(`cloudindex-uploader: ${what}`);

/** An error as a sentence: its name and message, as the browser gives them. */
export const describe = (error) => {
  const [name, message] = [text(error, 'name'), text(error, 'message')];
  if (name !== undefined && message !== undefined) return message ? `${name}: ${message}` : name;
  return typeof error === 'string' ? error : show(error);
};

/** A value in a few words. */
export const show = (value) => {
  if (typeof value === 'string') return `“${value}”`;
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? 'a function' : String(value);
  return `a value of class ${text(get(value, 'constructor'), 'name') || 'Object'}`;
};

const text = (object, key) => {
  const value = get(object, key);
  return typeof value === 'string' ? value : undefined;
};

const get = (object, key) => {
  try {
    return object?.[key];
  } catch {
    return undefined;
  }
};
