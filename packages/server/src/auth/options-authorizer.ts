/** Decides by the words in the options of the channel (`allow`): for everybody who wrote no rules. */
import { errors } from '@tidings/protocol';
import type { Actor, Authorizer, ChannelAction, Decision, Resource } from './authorizer.ts';

const allowed: Decision = { allow: true };

function denied(because: string): Decision {
  return { allow: false, error: errors.permissionDenied, because };
}

export class OptionsAuthorizer implements Authorizer {
  decide(who: Actor, action: ChannelAction, on: Resource): Decision {
    const access = on.options.allow[action];
    switch (access) {
      case 'anyone':
        return allowed;
      case 'authenticated':
        return who.user === '' ? denied(`allow.${action} is for authenticated users`) : allowed;
      case 'subscribers':
        return who.subscribed ? allowed : denied(`allow.${action} is for subscribers of the channel`);
      case 'nobody':
        return denied(`allow.${action} is nobody`);
      default:
        return denied(`allow.${action} is a rule, and no rule engine is there`);
    }
  }
}
